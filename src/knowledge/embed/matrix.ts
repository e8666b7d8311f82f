/** Rows of numbers, one after another: row `r` is `values[r * columns] … values[(r + 1) * columns - 1]`. */
export interface Matrix {
  readonly rows: number
  readonly columns: number
  readonly values: Float32Array
}

/** A matrix of which most numbers are 0, by column: entry `i` of column `c` stands in `rows[i]`. */
export interface SparseMatrix {
  readonly rowCount: number
  readonly offsets: Uint32Array
  readonly rows: Uint32Array
  readonly values: Float32Array
}

export function matrix(rows: number, columns: number): Matrix {
  return { rows, columns, values: new Float32Array(rows * columns) }
}

/** A · X. */
export function times(sparse: SparseMatrix, dense: Matrix): Matrix {
  const { columns } = dense
  const product = matrix(sparse.rowCount, columns)
  for (let column = 0; column < dense.rows; column++) {
    const from = column * columns
    const end = sparse.offsets[column + 1] ?? 0
    for (let index = sparse.offsets[column] ?? 0; index < end; index++) {
      add(
        product.values,
        (sparse.rows[index] ?? 0) * columns,
        dense.values,
        from,
        columns,
        sparse.values[index] ?? 0,
      )
    }
  }
  return product
}

/** Aᵀ · X. */
export function transposedTimes(sparse: SparseMatrix, dense: Matrix): Matrix {
  const { columns } = dense
  const product = matrix(sparse.offsets.length - 1, columns)
  for (let column = 0; column < product.rows; column++) {
    const to = column * columns
    const end = sparse.offsets[column + 1] ?? 0
    for (let index = sparse.offsets[column] ?? 0; index < end; index++) {
      add(
        product.values,
        to,
        dense.values,
        (sparse.rows[index] ?? 0) * columns,
        columns,
        sparse.values[index] ?? 0,
      )
    }
  }
  return product
}

/** `to[at…] += scale * from[start…]`, `length` numbers. */
export function add(
  to: Float32Array,
  at: number,
  from: Float32Array,
  start: number,
  length: number,
  scale: number,
): void {
  for (let i = 0; i < length; i++) to[at + i] = (to[at + i] ?? 0) + scale * (from[start + i] ?? 0)
}

/** Makes the columns perpendicular and of length 1, in place (Gram-Schmidt, twice); what vanishes becomes 0. */
export function orthonormalise(dense: Matrix): void {
  const { rows, columns, values } = dense
  // Column by column over a transposed copy: neighbours in memory.
  const turned = transposed(dense).values
  const shares = new Float64Array(columns)
  for (let column = 0; column < columns; column++) {
    const own = turned.subarray(column * rows, (column + 1) * rows)
    for (let pass = 0; pass < 2; pass++) {
      dots(turned, rows, column, own, shares)
      for (let before = 0; before < column; before++) {
        add(own, 0, turned, before * rows, rows, -(shares[before] ?? 0))
      }
    }
    const length = Math.sqrt(own.reduce((sum, value) => sum + value * value, 0))
    const scale = length > VANISHED ? 1 / length : 0
    for (let i = 0; i < rows; i++) own[i] = (own[i] ?? 0) * scale
  }
  values.set(transposed({ rows: columns, columns: rows, values: turned }).values)
}

const VANISHED = 1e-7

/**
 * The products of the first `count` rows of `length` numbers with `other`, into `products`. Four rows at a time: one
 * sum alone would wait for each of its additions.
 */
export function dots(
  values: Float32Array,
  length: number,
  count: number,
  other: Float32Array,
  products: Float64Array,
): void {
  let row = 0
  for (; row + 4 <= count; row += 4) {
    four(values, row * length, length, other, products, row)
  }
  for (; row < count; row++) {
    let sum = 0
    for (let i = 0; i < length; i++) sum += (values[row * length + i] ?? 0) * (other[i] ?? 0)
    products[row] = sum
  }
}

function four(
  values: Float32Array,
  first: number,
  length: number,
  other: Float32Array,
  products: Float64Array,
  at: number,
): void {
  const [second, third, fourth] = [first + length, first + 2 * length, first + 3 * length]
  let a = 0
  let b = 0
  let c = 0
  let d = 0
  for (let i = 0; i < other.length; i++) {
    const value = other[i] ?? 0
    a += value * (values[first + i] ?? 0)
    b += value * (values[second + i] ?? 0)
    c += value * (values[third + i] ?? 0)
    d += value * (values[fourth + i] ?? 0)
  }
  products[at] = a
  products[at + 1] = b
  products[at + 2] = c
  products[at + 3] = d
}

function transposed({ rows, columns, values }: Matrix): Matrix {
  const turned = matrix(columns, rows)
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      turned.values[column * rows + row] = values[row * columns + column] ?? 0
    }
  }
  return turned
}

/** Xᵀ · X, as rows of doubles. */
export function gram({ rows, columns, values }: Matrix): Float64Array[] {
  const product = Array.from({ length: columns }, () => new Float64Array(columns))
  for (let row = 0; row < rows; row++) {
    const from = row * columns
    for (let a = 0; a < columns; a++) {
      const value = values[from + a] ?? 0
      const into = product[a]
      if (value === 0 || into === undefined) continue
      for (let b = 0; b < columns; b++) into[b] = (into[b] ?? 0) + value * (values[from + b] ?? 0)
    }
  }
  return product
}

const SWEEPS = 30
const CONVERGED = 1e-16

/**
 * Eigenvalues and eigenvectors of a symmetric matrix, the largest first, by Jacobi's rotations (Golub and Van Loan,
 * "Matrix Computations", 8.5); vector `i` is `vectors[i]`. Changes what it is given.
 */
export function eigen(symmetric: Float64Array[]): { values: number[]; vectors: Float64Array[] } {
  const size = symmetric.length
  const vectors = symmetric.map((_, row) => new Float64Array(size).fill(1, row, row + 1))
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    let off = 0
    let trace = 0
    for (let p = 0; p < size; p++) {
      trace += (symmetric[p]?.[p] ?? 0) ** 2
      for (let q = p + 1; q < size; q++) off += (symmetric[p]?.[q] ?? 0) ** 2
    }
    if (off <= CONVERGED * trace) break
    for (let p = 0; p < size; p++) for (let q = p + 1; q < size; q++) rotate(symmetric, vectors, p, q)
  }
  const order = vectors
    .map((vector, row) => ({ vector, value: symmetric[row]?.[row] ?? 0 }))
    .sort((a, b) => b.value - a.value)
  return { values: order.map(({ value }) => value), vectors: order.map(({ vector }) => vector) }
}

/** Makes the numbers at (p, q) and (q, p) vanish. */
function rotate(symmetric: Float64Array[], vectors: Float64Array[], p: number, q: number): void {
  const [rowP, rowQ] = [symmetric[p], symmetric[q]]
  const [vectorP, vectorQ] = [vectors[p], vectors[q]]
  if (!rowP || !rowQ || !vectorP || !vectorQ) return
  const apart = rowP[q] ?? 0
  if (apart === 0) return
  const theta = ((rowQ[q] ?? 0) - (rowP[p] ?? 0)) / (2 * apart)
  const tangent = Math.sign(theta || 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1))
  const cosine = 1 / Math.sqrt(tangent * tangent + 1)
  const sine = tangent * cosine
  for (const row of symmetric) {
    const [a, b] = [row[p] ?? 0, row[q] ?? 0]
    row[p] = cosine * a - sine * b
    row[q] = sine * a + cosine * b
  }
  turn(rowP, rowQ, cosine, sine)
  turn(vectorP, vectorQ, cosine, sine)
}

function turn(one: Float64Array, other: Float64Array, cosine: number, sine: number): void {
  for (let i = 0; i < one.length; i++) {
    const [a, b] = [one[i] ?? 0, other[i] ?? 0]
    one[i] = cosine * a - sine * b
    other[i] = sine * a + cosine * b
  }
}
