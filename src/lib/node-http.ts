/**
 * What is used of `node:http`. An `import` of a built-in module reads every one of its exports, and among this one's
 * are the web's sockets: Node's own copy of undici would be loaded for them, 5 MB that nothing here uses.
 */
export const { createServer, request, STATUS_CODES } = process.getBuiltinModule('node:http')
