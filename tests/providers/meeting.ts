/** Lets nobody through before so many have come: who waits for one another never meets. */
export function meeting(count: number): () => Promise<void> {
  let come = 0;
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return async () => {
    come += 1;
    if (come === count) open();
    await opened;
  };
}
