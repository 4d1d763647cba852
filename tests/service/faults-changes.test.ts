import { strikeOperations } from "./faults-strikes.ts";

strikeOperations(({ makes }) => makes !== null);
