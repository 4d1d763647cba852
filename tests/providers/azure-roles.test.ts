import { expect, test } from "vitest";
import { allows } from "../../shared/providers/azure/roles.ts";

const READ = "Microsoft.CostManagement/query/read";
const role = (actions: unknown, notActions: unknown = []) => ({ actions, notActions });

test.each<[string, unknown[], boolean]>([
  [
    "the role Cost Management Reader",
    [role(["Microsoft.Consumption/*/read", "Microsoft.CostManagement/*/read"])],
    true,
  ],
  ["everything", [role(["*"])], true],
  ["every read, as Reader has it", [role(["*/read"])], true],
  ["the action itself", [role([READ])], true],
  ["another case", [role(["microsoft.costmanagement/QUERY/read"])], true],
  ["a wildcard in the middle of a word", [role(["Microsoft.Cost*/query/read"])], true],
  ["two wildcards", [role(["*CostManagement*read"])], true],
  ["three wildcards", [role(["*Cost*query*read"])], true],
  ["a second role where the first lacks it", [role(["Microsoft.Compute/*"]), role([READ])], true],
  ["a second role where the first takes it away", [role(["*"], ["Microsoft.CostManagement/*"]), role([READ])], true],
  ["the same role taking it away", [role(["*"], ["Microsoft.CostManagement/*"])], false],
  ["the same role taking away reads", [role(["*/read"], ["Microsoft.CostManagement/query/*"])], false],
  ["another provider", [role(["Microsoft.Compute/*/read"])], false],
  ["another verb", [role(["Microsoft.CostManagement/*/write"])], false],
  ["a prefix alone", [role(["Microsoft.CostManagement/query"])], false],
  ["a longer action", [role([`${READ}/more`])], false],
  ["a beginning and an end that overlap", [role(["Microsoft.CostManagement/query/read*/query/read"])], false],
  ["a part that is only found in its end", [role(["*query*read*read"])], false],
  ["parts in another order", [role(["*query*Cost*read"])], false],
  ["a dot that is not any character", [role(["MicrosoftxCostManagement/query/read"])], false],
  ["an empty pattern", [role([""])], false],
  ["no actions", [role([])], false],
  ["no role", [], false],
  ["actions that are no texts", [role([1, null, {}])], false],
  ["actions that are no list", [role("*")], false],
  ["a null instead of a role", [null], false],
])("costs may be read by %s", (_, value, isAllowed) => {
  expect(allows({ value }, READ)).toBe(isAllowed);
});

test("a hostile pattern costs no more than its length", () => {
  const start = performance.now();
  expect(allows({ value: [role([`${"*a".repeat(50_000)}`, `${"*".repeat(50_000)}x`])] }, READ)).toBe(false);
  expect(performance.now() - start).toBeLessThan(1_000);
});
