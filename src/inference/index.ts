// What `luciole/inference` offers.
export * from "./generate.js";
