// Types of what a script has beside the language and the Web's interfaces. Nothing of this file runs.

/** The second argument of a handler: that of Lambda for Node.js. */
export interface Context {
  readonly awsRequestId: string;
  readonly functionName: string;
  readonly functionVersion: string;
  readonly invokedFunctionArn: string;
  /** As text, such as `"512"`. */
  readonly memoryLimitInMB: string;
  readonly logGroupName: string;
  readonly logStreamName: string;
  /** The tenant of the event, if the function has tenants. */
  readonly tenantId?: string;
  /** As the caller sent it. */
  readonly clientContext?: unknown;
  readonly identity?: {
    readonly cognitoIdentityId: string;
    readonly cognitoIdentityPoolId: string;
  };
  /** Counts only for a handler with a third parameter, the callback. */
  callbackWaitsForEmptyEventLoop: boolean;
  getRemainingTimeInMillis(): number;
}

declare global {
  const process: {
    /** The variables that bulkhead.toml grants. */
    readonly env: Record<string, string | undefined>;
    readonly platform: string;
    nextTick(callback: (...args: any[]) => void, ...args: any[]): void;
  };
  function setImmediate(callback: (...args: any[]) => void, ...args: any[]): number;
  function clearImmediate(id?: number): void;
}
