export function codesText(): string;
export function withCodes(page: string): string;
