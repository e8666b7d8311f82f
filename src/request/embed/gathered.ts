import { DIMENSIONS_MAX, type Vector } from '../../contract/embed.ts'
import { type Problem, refuse } from '../../contract/problem.ts'
import { FLOAT32_MAX } from '../../lib/float32.ts'

/** Values of all vectors of one request: 2,048 of 4,096 dimensions. */
const VALUES_MAX = 8_388_608

/** What a part must have, and who made it. */
export interface Wanted {
  readonly engine: string
  readonly model: string
  readonly inputs: number
  readonly dimensions: number | undefined
}

/**
 * The vectors of a request as they come, part by part and turn by turn: what one replica has made stays where the next
 * one goes on. Nothing gets in that is not what was asked for.
 */
export class Gathered {
  readonly vectors: Vector[] = []
  #values = 0

  /** Takes the vectors of the next inputs, or says what is wrong with them. */
  take(vectors: readonly Vector[], wanted: Wanted): Problem | undefined {
    const wrong = this.#wrong(vectors, wanted)
    if (wrong !== undefined) return wrong
    for (const vector of vectors) {
      this.vectors.push(vector)
      this.#values += vector.length
    }
    return undefined
  }

  #wrong(vectors: readonly Vector[], wanted: Wanted): Problem | undefined {
    const { engine, model, inputs, dimensions } = wanted
    const garbled = (what: string): Problem => {
      const message = `Engine ${engine} sent vectors of ${model} that cannot be used: ${what}. Try again; if it stays so, look at the engine’s own log.`
      return refuse('upstream_garbled', message).problem
    }
    if (vectors.length !== inputs) return garbled(`${vectors.length} for ${inputs} inputs`)
    const length = this.vectors[0]?.length ?? vectors[0]?.length ?? 0
    if (length === 0) return garbled('they are empty')
    if (length > DIMENSIONS_MAX) return garbled(`they have ${length} dimensions, more than ${DIMENSIONS_MAX}`)
    for (const vector of vectors) {
      if (vector.length !== length) {
        return garbled(`one has ${vector.length} dimensions and another ${length}`)
      }
      if (!isFloat32(vector)) return garbled('a value is not a finite number of float32')
    }
    if (dimensions !== undefined && length !== dimensions) return otherLength(model, length, dimensions)
    return this.#values + inputs * length > VALUES_MAX ? tooMany(model, length) : undefined
  }
}

/** True where every value is a number that float32 has, or rounds. */
function isFloat32(vector: Vector): boolean {
  for (const value of vector) if (!(Math.abs(value) <= FLOAT32_MAX)) return false
  return true
}

function otherLength(model: string, length: number, dimensions: number): Problem {
  const message = `${model} made vectors of ${length} dimensions where ${dimensions} were asked for: it cannot shorten them, or its engine ignores \`dimensions\`. Leave the field away, or use another model.`
  return refuse('dimensions_unmet', message, { param: 'dimensions' }).problem
}

function tooMany(model: string, length: number): Problem {
  const fit = Math.floor(VALUES_MAX / length)
  const message = `The vectors of ${model} have ${length} dimensions, and one answer holds at most ${VALUES_MAX} values. Send at most ${fit} inputs at once, or ask for fewer \`dimensions\`.`
  return refuse('answer_too_large', message, { param: 'input' }).problem
}
