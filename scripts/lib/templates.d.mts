export declare const templatesForEsbuild: { name: string; setup(build: object): void };
export declare const templatesForVite: { name: string; enforce: "pre"; load(id: string): string | undefined };
