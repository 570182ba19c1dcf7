// What `import.meta.url` means inside the CommonJS bundle.
export const __importMetaUrl = require("node:url").pathToFileURL(__filename).href;
