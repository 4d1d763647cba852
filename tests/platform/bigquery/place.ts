/** The project, the datasets and where they are. */
export const project = "cloudact-testing-1";
export const location = "US";
export const datasets = { integrations: "integrations", organizations: "organizations" } as const;
