// Copies with masks, into matrices and out of them, and rows of embeddings. One thread to an entry.
#include "common.cuh"

// Rows of a matrix into another, times the entries of a mask from row `first` on.
extern "C" __global__ void copy_rows(float *to, unsigned to_stride, const float *from, unsigned from_stride,
                                     unsigned rows, unsigned columns, Mask mask, unsigned gate, unsigned first) {
  Wide place = thread_place();
  if (place >= (Wide)rows * columns) return;
  unsigned row = place / columns, column = place % columns;
  float keep = row < first ? 1.0f : entry(mask, 0, gate, row - first, column, 1.0f);
  to[(Wide)row * to_stride + column] = from[(Wide)row * from_stride + column] * keep;
}

// What enters the products of each gate: steps · rows × columns, one copy for each gate's mask, `apart` numbers apart.
extern "C" __global__ void mask_copies(float *to, const float *from, Mask mask, unsigned copies, unsigned apart,
                                       unsigned steps, unsigned rows, unsigned columns) {
  Wide place = thread_place();
  if (place >= (Wide)steps * rows * columns) return;
  unsigned column = place % columns, row = place / columns % rows, t = place / columns / rows;
  for (unsigned gate = 0; gate < copies; gate++)
    to[(Wide)gate * apart + place] = from[place] * entry(mask, t, gate, row, column, 1.0f);
}

// The way back: the sum of what came through each gate's mask. May be in place where there is one.
extern "C" __global__ void sum_copies(float *to, const float *from, Mask mask, unsigned copies, unsigned apart,
                                      unsigned steps, unsigned rows, unsigned columns) {
  Wide place = thread_place();
  if (place >= (Wide)steps * rows * columns) return;
  unsigned column = place % columns, row = place / columns % rows, t = place / columns / rows;
  float sum = 0.0f;
  for (unsigned gate = 0; gate < copies; gate++)
    sum += from[(Wide)gate * apart + place] * entry(mask, t, gate, row, column, 1.0f);
  to[place] = sum;
}

// The embeddings of tokens: steps · rows × columns.
extern "C" __global__ void embed(float *to, const float *table, const unsigned *ids, Mask mask, unsigned steps,
                                 unsigned rows, unsigned columns) {
  Wide place = thread_place();
  if (place >= (Wide)steps * rows * columns) return;
  unsigned column = place % columns, row = place / columns % rows, t = place / columns / rows;
  float keep = entry(mask, t, 0, row, column, 1.0f);
  to[place] = table[(Wide)ids[place / columns] * columns + column] * keep;
}

// Adds to the row of each type that was read the gradients of its tokens, in their order. The tokens of type
// `types[i]` are at the places `order[starts[i]]` up to `order[starts[i + 1]]`.
extern "C" __global__ void add_embedded(float *gradient, const float *from, Mask mask, const unsigned *types,
                                        const unsigned *starts, const unsigned *order, unsigned count, unsigned rows,
                                        unsigned columns) {
  Wide place = thread_place();
  if (place >= (Wide)count * columns) return;
  unsigned index = place / columns, column = place % columns;
  float sum = 0.0f;
  for (unsigned token = starts[index]; token < starts[index + 1]; token++) {
    unsigned at = order[token];
    sum += from[(Wide)at * columns + column] * entry(mask, at / rows, 0, at % rows, column, 1.0f);
  }
  gradient[(Wide)types[index] * columns + column] += sum;
}
