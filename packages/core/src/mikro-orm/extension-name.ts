/** Under this name the service is registered with an ORM. */
export const EXTENSION = '@spillway/core';
