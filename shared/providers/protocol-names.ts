/** Names that `probe.protocol` may hold. Kept apart from the files that speak them, so that who only checks names loads none. */
export const protocolNames = ["openai", "anthropic", "gcp", "aws_role", "aws_keys", "azure", "oci"] as const;
export type ProtocolName = (typeof protocolNames)[number];
