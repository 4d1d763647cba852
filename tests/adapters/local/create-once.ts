/*
 * A process that opens everything a home holds and says what it found. node create-once.ts <home>
 */
import { join } from "node:path";
import { openKeyRing } from "../../../shared/adapters/local/key-ring.ts";
import { openLocalSecrets } from "../../../shared/adapters/local/local-secrets.ts";
import { openTokenIssuer } from "../../../shared/adapters/local/local-tokens.ts";
import { systemClock } from "../../../shared/adapters/system-clock.ts";

const [home = "", turn = "open"] = process.argv.slice(2);
const ring = openKeyRing(join(home, "key-ring.json"));
const secrets = openLocalSecrets(join(home, "peppers.json"));
const rotated = turn === "rotate" ? [ring.rotate(), secrets.rotate()] : [];
const { ciphertext } = await ring.encrypt(Buffer.from("secret"), Buffer.from("aad"));
const [pepper] = await secrets.peppers();
const token = await openTokenIssuer(home, { clock: systemClock() }).issue("pipeline");
process.stdout.write(
  JSON.stringify({ ciphertext: ciphertext.toString("hex"), pepper: pepper.bytes.toString("hex"), token, rotated }),
);
