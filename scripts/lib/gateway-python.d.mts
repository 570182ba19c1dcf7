export function gatewayPython(): string | undefined;
export function makeGatewayPython(): string | undefined;
export function mongoPython(): string | undefined;
export function makeMongoPython(): string | undefined;
