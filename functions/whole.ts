/* Imported by the gateway before the functions that it is made of: the process reaches what all of them together reach. */
import { planOrExit } from "./parts.ts";

planOrExit(null);
