import { hash } from 'node:crypto'
import { type Problem, UpshiftError } from '../../contract/problem.ts'
import type { ReadDocument } from '../collection/document.ts'
import { sequence } from '../tune/known-items.ts'
import type { Embedder } from './embedder.ts'

/**
 * Documents that say everything in words of their own: each sentence is about its document's topic, and shares no word
 * with any other. Only who knows the topics of words finds one sentence's document by another, as `byTopic` does.
 */
export class Topics {
  readonly #chance = sequence(99)
  readonly #topicOf = new Map<string, number>()
  readonly #names = new Map<number, string>()

  /** `named`: each of its sentences has one word of the topic in common, so that words find it too. */
  document(topic: number, sentences = 5, named = false): ReadDocument {
    const name = named ? this.name(topic) : ''
    const text = Array.from(
      { length: sentences },
      () => `${name || this.#word(topic)} ${this.#word(topic)}.`,
    ).join(' ')
    const chunk = { start: 0, end: text.length, kind: 'paragraph', headings: [] }
    const source = `${topic}.txt`
    const head = {
      source,
      version: hash('sha256', text),
      mediaType: 'text/plain',
      title: '',
      bytes: text.length,
    }
    return { ...head, text, chunks: [chunk] }
  }

  /** The word that every sentence of a named document has. */
  name(topic: number): string {
    const name = this.#names.get(topic) ?? this.#word(topic)
    this.#names.set(topic, name)
    return name
  }

  /** The share of a text's words that are about a topic. */
  likeness(text: string, topic: number): number {
    const words = text.toLowerCase().match(/[a-z]+/g) ?? []
    return words.filter((word) => this.#topicOf.get(word) === topic).length / (words.length || 1)
  }

  /** A word about a topic that stands in no document. */
  question(topic: number): string {
    return this.#word(topic)
  }

  /** Vectors that tell topics apart: a random direction for each, and a little noise. */
  byTopic(text: string, dimensions = DIMENSIONS): Float32Array {
    const sum = new Float32Array(dimensions)
    for (const word of text.toLowerCase().match(/[a-z]+/g) ?? []) {
      const topic = this.#topicOf.get(word)
      if (topic === undefined) continue
      const direction = sequence(topic * 7 + 1)
      for (let at = 0; at < dimensions; at++) sum[at] = (sum[at] ?? 0) + direction() - 0.5
    }
    return sum
  }

  #word(topic: number): string {
    const letters = Array.from(
      { length: LETTERS },
      () => 'bcdfghjklmnpqrtvwxz'[Math.floor(this.#chance() * 19)],
    )
    const word = letters.join('')
    this.#topicOf.set(word, topic)
    return word
  }
}

const DIMENSIONS = 32
/** So many that chance makes no word twice, and that a sentence is long enough to be asked by. */
const LETTERS = 14

/** An embedder of the test's own; `texts` is what it was asked, call by call. */
export function scriptedEmbedder(
  vector: (text: string) => Float32Array,
  more: { model?: string; wanted?: string; refuse?: (texts: readonly string[]) => Problem | undefined } = {},
): Embedder & { readonly texts: string[][] } {
  const texts: string[][] = []
  return {
    wanted: more.wanted ?? 'box/vectors',
    texts,
    embed: async (asked) => {
      const problem = more.refuse?.(asked)
      if (problem !== undefined) throw new UpshiftError(problem)
      texts.push([...asked])
      return { model: more.model ?? 'box/vectors', vectors: asked.map(vector) }
    },
  }
}
