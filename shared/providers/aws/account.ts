/** The twelve digits of an AWS account. */
export const ACCOUNT = /^[0-9]{12}$/;

const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/** Behind the prefix of four, 40 bits hold the account, after one bit that is something else. */
const FIRST = 4;

/**
 * The account that an access key id was made in, without asking anybody; `null` where the id does not tell: older ids
 * (a fifth character I or J), or characters outside of base32.
 * Source: https://medium.com/@TalBeerySec/a-short-note-on-aws-key-id-f88cc4317489 and trufflesecurity/trufflehog
 * pkg/detectors/aws, both read 2026-11-20. AWS documents no format.
 */
export function accountOf(accessKeyId: string): string | null {
  if (/^.{4}[IJ]/.test(accessKeyId)) return null;
  let bits = 0n;
  for (const sign of accessKeyId.slice(FIRST, FIRST + 9)) {
    const value = BASE32.indexOf(sign);
    if (value === -1) return null;
    bits = (bits << 5n) | BigInt(value);
  }
  const account = String((bits >> 4n) & 0xff_ffff_ffffn).padStart(12, "0");
  return accessKeyId.length >= FIRST + 9 && ACCOUNT.test(account) ? account : null;
}
