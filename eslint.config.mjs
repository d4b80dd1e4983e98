// What eslint asks of dashboard/browser and its tests.
import js from "@eslint/js";
import globals from "globals";

export default [
  { ignores: ["dashboard/browser/vendor/"] },
  js.configs.recommended,
  {
    files: ["dashboard/browser/**/*.mjs", "dashboard/browser/boot.js"],
    languageOptions: { ecmaVersion: 2022, globals: globals.browser },
  },
  { files: ["dashboard/browser/boot.js"], languageOptions: { sourceType: "script" } },
  {
    files: ["tests/unit/browser/*.mjs", "*.config.mjs"],
    languageOptions: { ecmaVersion: 2022, globals: globals.node },
  },
  {
    rules: {
      complexity: ["error", 12],
      eqeqeq: "error",
      "max-depth": ["error", 3],
      "max-lines": ["error", { max: 250 }],
      "max-lines-per-function": ["error", { max: 40 }],
      "max-len": ["error", { code: 170, ignoreTemplateLiterals: true, ignoreStrings: true, ignoreComments: true }],
      "no-implicit-globals": "error",
      "no-shadow": ["error", { builtinGlobals: false }],
      "no-var": "error",
      "prefer-const": ["error", { destructuring: "all" }],
      "no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
    },
  },
  { files: ["dashboard/browser/contract.mjs"], rules: { "max-lines": "off" } }, // generated: values alone
];
