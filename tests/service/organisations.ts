import { afterAll, beforeAll, beforeEach } from "vitest";
import { type Service, startService } from "./harness.ts";

/** What a test works with: the service of its file, and an organisation that no other test has. */
export interface Organisation {
  service: Service;
  org: string;
  /** A key of the organisation that manages. */
  key: string;
  /** The token of a pipeline with a grant for it. */
  token: string;
}

/**
 * Starts one service for the file's tests and hands each of them a fresh organisation, with simulators that have
 * forgotten everything.
 *
 * @param most tests of the file, at most: a grant is remembered for a while, so it is given for all at once
 */
export function eachTestItsOrganisation(prefix: string, most: number, take: (made: Organisation) => void): void {
  let service: Service;
  let token: string;
  let count = 0;
  beforeAll(async () => {
    service = await startService();
    const orgs = Array.from({ length: most }, (_, index) => `${prefix}-${index + 1}`);
    await service.grant("pipeline", orgs);
    token = await service.token("pipeline");
  });
  afterAll(() => service.close());
  beforeEach(async () => {
    service.simulators.reset();
    count += 1;
    const org = `${prefix}-${count}`;
    take({ service, org, key: await service.orgKey(org), token });
  });
}
