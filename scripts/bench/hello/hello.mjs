import { http } from "@google-cloud/functions-framework";

/** The framework's empty hello: what everything is measured against. */
http("hello", (_request, response) => response.send("hello"));
