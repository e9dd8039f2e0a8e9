// Sums in a fixed order, without atomics: the same numbers give the same sum, bit for bit.
#include "common.cuh"

// Columns that a block sums, and rows that it reads at a time.
#define COLUMNS 32
#define LANES 8

// The sum of each column; added to what is there if `add`. Blocks of COLUMNS · LANES threads.
extern "C" __global__ void column_sums(float *to, const float *from, unsigned rows, unsigned columns, unsigned stride,
                                       unsigned add) {
  __shared__ float partial[LANES][COLUMNS];
  unsigned lane = threadIdx.x / COLUMNS, own = threadIdx.x % COLUMNS, column = blockIdx.x * COLUMNS + own;
  float sum = 0.0f;
  if (column < columns)
    for (unsigned row = lane; row < rows; row += LANES) sum += from[(Wide)row * stride + column];
  partial[lane][own] = sum;
  __syncthreads();
  if (lane > 0 || column >= columns) return;
  sum = add ? to[column] : 0.0f;
  for (unsigned other = 0; other < LANES; other++) sum += partial[other][own];
  to[column] = sum;
}

// The sum of all numbers times `times`, divided by the number at `divisor` where that is given. One block.
extern "C" __global__ void total(float *to, const float *from, unsigned count, float times, const float *divisor) {
  double sum = 0.0;
  for (unsigned place = threadIdx.x; place < count; place += blockDim.x) sum += from[place];
  sum = block_sum(sum);
  if (threadIdx.x == 0) *to = (float)(sum * times / (divisor ? (double)*divisor : 1.0));
}

// Each block's share of the sum of squares.
extern "C" __global__ void squares(float *to, const float *from, Wide count) {
  double sum = 0.0;
  for (Wide place = thread_place(); place < count; place += (Wide)gridDim.x * blockDim.x)
    sum += (double)from[place] * from[place];
  sum = block_sum(sum);
  if (threadIdx.x == 0) to[blockIdx.x] = (float)sum;
}

// The norm from those shares, then what brings it down to the limit `clip` (0: no limit). A NaN stays one. One block.
extern "C" __global__ void gradient_norm(float *to, const float *shares, unsigned count, float clip) {
  double sum = 0.0;
  for (unsigned place = threadIdx.x; place < count; place += blockDim.x) sum += shares[place];
  sum = block_sum(sum);
  if (threadIdx.x > 0) return;
  double norm = sqrt(sum);
  to[0] = (float)norm;
  if (clip == 0.0f) to[1] = 1.0f;
  else to[1] = norm > clip ? (float)(clip / norm) : (float)(norm * 0.0 + 1.0);
}
