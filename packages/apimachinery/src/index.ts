export * from "./condition.ts";
export * from "./object.ts";
export * from "./resource-type.ts";
export * from "./status.ts";
