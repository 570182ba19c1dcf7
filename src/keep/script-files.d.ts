/** Scripts for the guest are bundled as text (scripts/build.mjs). */
declare module "*.sh" {
  const text: string;
  // biome-ignore lint/style/noDefaultExport: the bundler's text loader has no other export
  export default text;
}
