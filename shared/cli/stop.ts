/** What the process ends with. */
export const exits = { ok: 0, negative: 1, usage: 2, refused: 3, unavailable: 4 } as const;
export type Exit = (typeof exits)[keyof typeof exits];

/** What is told of an ending that is not a result. Ours or the server's words, never a value that was typed. */
export interface Problem {
  /** One line: what happened. */
  message: string;
  /** HTTP status and its title, where a server answered. */
  status?: string;
  code?: string;
  /** What is wrong, by field. */
  fields?: ReadonlyArray<{ field: string; message: string }>;
  reason?: string;
  remedy?: string;
  retryAfterS?: number;
  requestId?: string;
}

/** Ends a command before its result. */
export class Stop extends Error {
  override readonly name = "Stop";
  readonly exit: Exit;
  readonly problem: Problem;
  /** The server's own JSON, for `--json`; `null` where no server answered with one. */
  readonly answer: string | null;

  constructor(exit: Exit, problem: Problem, answer: string | null = null) {
    super(problem.message);
    this.exit = exit;
    this.problem = problem;
    this.answer = answer;
  }
}

/** The command line is wrong: which part, and what to write instead. */
export function usage(message: string, remedy?: string): Stop {
  return new Stop(exits.usage, { message, ...(remedy === undefined ? {} : { remedy }) });
}
