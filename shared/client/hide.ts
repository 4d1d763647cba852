/** Makes an object print as a note: what stands in it is one `console.log` away from a log file. JSON keeps it. */
export function hideFromInspection(value: object | null | undefined, note: string): void {
  if (value) Object.defineProperty(value, Symbol.for("nodejs.util.inspect.custom"), { value: () => note });
}
