/** Python files are bundled as text (scripts/build.mjs). */
declare module "*.py" {
  const text: string;
  // biome-ignore lint/style/noDefaultExport: the bundler's text loader has no other export
  export default text;
}
