// Answers `--version` and `--standard-json` like the native compiler, through solc-js.
"use strict";
const solc = require("../node_modules/solc");

if (process.argv.includes("--version")) {
  console.log("solc, the solidity compiler commandline interface");
  console.log("Version: " + solc.version());
} else if (process.argv.includes("--standard-json")) {
  process.stdout.write(solc.compile(require("fs").readFileSync(0, "utf8")));
} else {
  console.error("only --version and --standard-json are offered");
  process.exit(2);
}
