/** Thrown by who locks a community whose ownership is to have moved by now: that comes first. */
export class TransferDue extends Error {
  constructor(readonly communityId: string) {
    super(`The ownership of community ${communityId} is to move first.`);
  }
}
