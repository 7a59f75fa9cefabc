// The main program of the process that makes the image of a Python that has started. Its argument is the path.
import { renameSync, writeFileSync } from "node:fs";
import { openPython } from "./python.js";

const path = process.argv[2];
const settings = { memoryBytes: 2 ** 28, outputBytes: 0, stackBytes: 0, interrupt: new Uint8Array(1) };
const { image } = await openPython(settings, null);
const temporary = `${path}.${process.pid}.tmp`;
writeFileSync(temporary, image.snapshot);
renameSync(temporary, path); // whole or not at all
process.exit(0);
