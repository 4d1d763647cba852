/** Prefixes and forms that only secrets have. Organisation slugs such as `sk-telecom` or `key-accounts` are none. */
const KEYS: readonly RegExp[] = [
  /^sk-(?:proj|ant|or|svcacct|admin|None)-/i,
  /^(?:sk|rk|pk|api|key|secret|token|pat)[-_](?=[A-Za-z0-9_-]*\d)[A-Za-z0-9_-]*?[A-Za-z0-9]{16}/i,
  /^(?:sk|rk|pk)_(?:live|test)_/,
  /^AIza[A-Za-z0-9_-]{16,}$/,
  /^AQ\.[A-Za-z0-9_.-]{16,}$/,
  /^(?:gsk_|xai-|pplx-|tgp_v1_|fw_|hf_)[A-Za-z0-9]{16,}$/,
  /^(?:AKIA|ASIA)[A-Z0-9]{12,}$/,
  /^(?:gh[pousr]_|github_pat_|glpat-|xox[abeprs]-|ya29\.)[A-Za-z0-9_.-]{8,}$/,
  /^cact_(?:live|test|local)_/,
  /^eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\./,
];

const RANDOM = /^(?=.*\d)(?=.*[A-Za-z])[A-Za-z0-9+/]{32,}={0,2}$/;

/** Whether a word of the text has the form of a key, a token or a private key. */
export function looksLikeKey(text: string): boolean {
  if (/-----BEGIN|"private_key"|"secret_access_key"|"client_secret"/.test(text)) return true;
  return wordsOf(text).some((word) => KEYS.some((shape) => shape.test(word)));
}

/** Whether a word of the text is long, unbroken and random, as keys without a prefix are; so are some ids and paths. */
export function looksRandom(text: string): boolean {
  return wordsOf(text).some((word) => RANDOM.test(word));
}

function wordsOf(text: string): string[] {
  const words = text.split(/[\s"'`=:,;()[\]{}<>|]+/);
  return [...words, ...words.map((word) => word.replace(/^-+/, ""))];
}
