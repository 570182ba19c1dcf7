export declare const kindsForEsbuild: { name: string; setup(build: object): void };
export declare const kindsForVite: { name: string; enforce: "pre"; load(id: string): string | undefined };
