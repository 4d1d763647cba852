/** A variable of the process, where there is one: in a browser there is none. */
export function variable(name: string): string | undefined {
  // biome-ignore lint/style/noProcessEnv: the client runs in the caller's process, not in the service
  return globalThis.process?.env?.[name]?.trim() || undefined;
}
