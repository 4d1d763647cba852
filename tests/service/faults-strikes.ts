import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Bench, expectCell, sqlOf, startBench, taken } from "./faults-cells.ts";
import { strikes } from "./faults-columns.ts";
import { expectNothingLeaked } from "./faults-leaks.ts";
import { type Cell, type Operation, operations } from "./faults-operations.ts";

const QUICK_MS = 8_000;

/** The matrix of what BigQuery may do once and be done with it, for some of the operations: a test for each cell. */
export function strikeOperations(isMeant: (operation: Operation) => boolean): void {
  let bench: Bench;
  beforeAll(async () => {
    bench = await startBench();
  });
  afterAll(() => bench.service.close());

  // Which statement is struck depends on all operations; what is left out here stands in another file.
  const table = [...strikes(operations)].filter(([operation]) => isMeant(operation));
  describe.each(table.map(([operation, cases]) => [operation.name, operation, cases] as const))(
    "%s",
    (_, operation, cases) => {
      let cells: Cell[];
      beforeAll(async () => {
        cells = await bench.cells(operation, cases.length);
      });

      test.each(cases.map((one) => [one.name, one.statement, one] as const))(
        "%s at %s",
        async (_fault, _statement, { fault, statement, passes, ends }) => {
          const { faults } = bench.platform.bigquery;
          await expectCell(bench, operation, taken(cells), {
            begin: () => {
              if (passes > 0) faults.next(sqlOf(statement), { kind: "slow", ms: 0 }, passes);
              faults.next(sqlOf(statement), fault);
            },
            end: () => {
              const left = faults.waiting();
              faults.clear();
              expect(left, "the fault has struck").toBe(0);
            },
            ends: operation.shrugsOff?.includes(statement) ? "well" : ends,
            withinMs: QUICK_MS,
          });
        },
      );
    },
  );

  test("no secret of any cell has been printed, answered by anything but decrypt, or stored in the clear", () =>
    expectNothingLeaked(bench));
}
