import "./quiet.ts";
import "./whole.ts";
import { http } from "@google-cloud/functions-framework";
import { routes } from "../shared/contract/routes.ts";
import { endpoint, type Handlers } from "../shared/http/endpoint.ts";
import { withConsole } from "./console.ts";
import { handlers as decrypt } from "./decrypt.ts";
import { handlers as remove } from "./delete.ts";
import { handlers as get } from "./get.ts";
import { handlers as list } from "./list.ts";
import { type Parts, planOrExit } from "./parts.ts";
import { handlers as revalidate } from "./revalidate.ts";
import { openParts } from "./serve.ts";
import { handlers as setup } from "./setup.ts";
import { handlers as update } from "./update.ts";
import { handlers as validate } from "./validate.ts";

/** All routes behind one target, under the full prefix, and the console beside them. On the platform it has no sweep: there Cloud Run's IAM gates that function alone. */
export const handlers: Handlers<Parts> = {
  ...setup,
  ...validate,
  ...list,
  ...get,
  ...update,
  ...remove,
  ...decrypt,
  ...revalidate,
};

const { onPlatform, console: hasConsole } = planOrExit(null).environment;
const known = routes.filter(({ name }) => !(onPlatform && name === "revalidate"));

const routed = endpoint(known, handlers, openParts(null), { bare: false });

http("gateway", hasConsole ? withConsole(routed) : routed);
