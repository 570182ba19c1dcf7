export function gatewayPython(): string | undefined;
export function makeGatewayPython(): string | undefined;
