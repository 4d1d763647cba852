import { expect } from "vitest";
import type { Bench } from "./faults-cells.ts";
import { canary, decrypt, operations } from "./faults-operations.ts";

/** The secrets' common part in every form in which it might be written, as far as what surrounds it leaves it alone. */
function formsOf(text: string): string[] {
  const encoded = [0, 1, 2].map((shift) => {
    const base64 = Buffer.concat([Buffer.alloc(shift), Buffer.from(text)]).toString("base64");
    return base64.slice(shift === 0 ? 0 : 4, -4);
  });
  return [text, Buffer.from(text).toString("hex"), [...text].reverse().join(""), ...encoded];
}

/** No secret of any cell has been printed, answered by anything but decrypt, or stored in the clear, and nobody has wanted what it may not. */
export async function expectNothingLeaked({ service, answers, platform, cells }: Bench): Promise<void> {
  const leaks = (content: string | Buffer) => formsOf(canary).filter((form) => content.includes(form));
  const { stdout, stderr } = service.output();
  expect([...leaks(stdout), ...leaks(stderr), ...leaks(answers.join("\n"))]).toEqual([]);
  for (const content of (await service.backend.atRest()).values()) expect(leaks(content)).toEqual([]);
  expect(platform.refusals(), "nobody wanted what it may not").toEqual([]);
  const [operation] = operations;
  const [cell] = operation === undefined ? [] : await cells(operation, 1);
  if (cell !== undefined)
    expect(leaks((await decrypt(cell)).text), "the look-out sees what is there").toContain(canary);
}
