export * from "./well-known.ts";
