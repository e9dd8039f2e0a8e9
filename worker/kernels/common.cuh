// What the kernels share. Plain CUDA C: tests compile the same text as C++ and run it on a processor.
#pragma once

#ifdef __CUDACC__
#include <cooperative_groups.h>

// Memory of the block's own, as many bytes as its launch says, at a multiple of 16.
static __device__ float *block_memory() {
  extern __shared__ float4 memory[];
  return (float *)memory;
}

// Waits until all threads of all blocks have come here; what they wrote is seen then. The launch must be cooperative.
static __device__ void wait_for_grid() { cooperative_groups::this_grid().sync(); }
#endif

typedef unsigned long long Wide;

// Threads of a block where a kernel reduces; blocks may be smaller, by powers of two.
#define BLOCK 256

// Where a mask's entries lie. A stride is 0 where entries are shared; `at` is null where a site has no mask.
struct Mask {
  const float *at;
  unsigned step, gate, row, column;
};

// One time step of a cell.
struct Step {
  Mask update, cell, zoneout_cell, zoneout_state, state;
  // The step, sequences, units of the layer, and whether the cell state that is carried on is the unmasked one.
  unsigned t, rows, hidden, hides;
  // Masked copies of h: how many, and the distance between one and the next.
  unsigned copies, apart;
};

// As the caller lays them out.
static_assert(sizeof(Mask) == 24 && sizeof(Step) == 144, "masks and steps are passed by value");

// The place of this thread among all threads.
static __device__ Wide thread_place() { return (Wide)blockIdx.x * blockDim.x + threadIdx.x; }

static __device__ float entry(Mask mask, unsigned t, unsigned gate, unsigned row, unsigned column, float usual) {
  if (!mask.at) return usual;
  return mask.at[(Wide)t * mask.step + (Wide)gate * mask.gate + (Wide)row * mask.row + (Wide)column * mask.column];
}

static __device__ float sigmoid(float x) { return 1.0f / (1.0f + expf(-x)); }

// Writes the masked copies of a new h that enter the products of the next step.
static __device__ void recur(float *recurred, Step step, unsigned row, unsigned j, float h) {
  Wide place = (Wide)row * step.hidden + j;
  for (unsigned gate = 0; gate < step.copies; gate++)
    recurred[(Wide)gate * step.apart + place] = h * entry(step.state, step.t + 1, gate, row, j, 1.0f);
}

// The gradient of h that arrives at a step: past the products, from above, and through the masks of the next step.
static __device__ float arriving(const float *dh, const float *above, const float *through, Step step, unsigned row,
                                 unsigned j) {
  Wide place = (Wide)row * step.hidden + j;
  float sum = dh[place] + above[place];
  for (unsigned gate = 0; gate < step.copies; gate++)
    sum += through[(Wide)gate * step.apart + place] * entry(step.state, step.t + 1, gate, row, j, 1.0f);
  return sum;
}

// The sum over the threads of a block, in a fixed order, for all of them.
static __device__ double block_sum(double own) {
  __shared__ double partial[BLOCK];
  __syncthreads();
  partial[threadIdx.x] = own;
  __syncthreads();
  for (unsigned half = blockDim.x / 2; half > 0; half /= 2) {
    if (threadIdx.x < half) partial[threadIdx.x] += partial[threadIdx.x + half];
    __syncthreads();
  }
  return partial[0];
}

// The largest number of a block; a NaN is lost here and found by a sum.
static __device__ float block_max(float own) {
  __shared__ float partial[BLOCK];
  __syncthreads();
  partial[threadIdx.x] = own;
  __syncthreads();
  for (unsigned half = blockDim.x / 2; half > 0; half /= 2) {
    if (threadIdx.x < half) partial[threadIdx.x] = fmaxf(partial[threadIdx.x], partial[threadIdx.x + half]);
    __syncthreads();
  }
  return partial[0];
}
