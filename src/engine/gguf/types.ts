/** Of one kind of tensor: its name, and how many elements share a block of how many bytes. */
export interface TensorType {
  readonly name: string
  readonly elements: number
  readonly bytes: number
}

const K = 256

const type = (name: string, elements: number, bytes: number): TensorType => ({ name, elements, bytes })

/**
 * ggml's tensor types by number. A test compares the sizes with llama.cpp's own. Source: the enum `ggml_type` and
 * the block structures of ggml.
 */
export const TENSOR_TYPES: ReadonlyMap<number, TensorType> = new Map([
  [0, type('F32', 1, 4)],
  [1, type('F16', 1, 2)],
  [2, type('Q4_0', 32, 18)],
  [3, type('Q4_1', 32, 20)],
  [6, type('Q5_0', 32, 22)],
  [7, type('Q5_1', 32, 24)],
  [8, type('Q8_0', 32, 34)],
  [9, type('Q8_1', 32, 36)],
  [10, type('Q2_K', K, 84)],
  [11, type('Q3_K', K, 110)],
  [12, type('Q4_K', K, 144)],
  [13, type('Q5_K', K, 176)],
  [14, type('Q6_K', K, 210)],
  [15, type('Q8_K', K, 292)],
  [16, type('IQ2_XXS', K, 66)],
  [17, type('IQ2_XS', K, 74)],
  [18, type('IQ3_XXS', K, 98)],
  [19, type('IQ1_S', K, 50)],
  [20, type('IQ4_NL', 32, 18)],
  [21, type('IQ3_S', K, 110)],
  [22, type('IQ2_S', K, 82)],
  [23, type('IQ4_XS', K, 136)],
  [24, type('I8', 1, 1)],
  [25, type('I16', 1, 2)],
  [26, type('I32', 1, 4)],
  [27, type('I64', 1, 8)],
  [28, type('F64', 1, 8)],
  [29, type('IQ1_M', K, 56)],
  [30, type('BF16', 1, 2)],
  [34, type('TQ1_0', K, 54)],
  [35, type('TQ2_0', K, 66)],
  [39, type('MXFP4', 32, 17)],
  [40, type('NVFP4', 64, 36)],
  [41, type('Q1_0', 128, 18)],
  [42, type('Q2_0', 64, 18)],
])

/** Names of `general.file_type`: which mix of tensor types a quantisation is. Source: llama.cpp's `llama_ftype`. */
export const FILE_TYPES: ReadonlyMap<number, string> = new Map([
  [0, 'F32'],
  [1, 'F16'],
  [2, 'Q4_0'],
  [3, 'Q4_1'],
  [7, 'Q8_0'],
  [8, 'Q5_0'],
  [9, 'Q5_1'],
  [10, 'Q2_K'],
  [11, 'Q3_K_S'],
  [12, 'Q3_K_M'],
  [13, 'Q3_K_L'],
  [14, 'Q4_K_S'],
  [15, 'Q4_K_M'],
  [16, 'Q5_K_S'],
  [17, 'Q5_K_M'],
  [18, 'Q6_K'],
  [19, 'IQ2_XXS'],
  [20, 'IQ2_XS'],
  [21, 'Q2_K_S'],
  [22, 'IQ3_XS'],
  [23, 'IQ3_XXS'],
  [24, 'IQ1_S'],
  [25, 'IQ4_NL'],
  [26, 'IQ3_S'],
  [27, 'IQ3_M'],
  [28, 'IQ2_S'],
  [29, 'IQ2_M'],
  [30, 'IQ4_XS'],
  [31, 'IQ1_M'],
  [32, 'BF16'],
  [36, 'TQ1_0'],
  [37, 'TQ2_0'],
  [38, 'MXFP4'],
])
