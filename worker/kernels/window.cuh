// All steps of a recurrent layer in one launch. A block computes some units of some sequences at every step, and keeps
// what their sums need of U in its own memory. What the step before made is read from the card's memory, so all blocks
// wait for one another after each step, unless each has all units of its sequences.
#pragma once
#include "common.cuh"

// Most threads of a block, as worker/training/src/engine/card/recurrence.rs has it.
#define CROWD 512
// Sequences that a thread sums at a time; a block's sequences are a multiple of them, as there.
#define GROUP 4

struct alignas(16) Group {
  float of[GROUP];
};

// What a block computes, and where it keeps what.
struct Share {
  // Units of the layer; the first of the block's units and how many, its first sequence, how many, and groups of them.
  unsigned hidden, unit, units, row, rows, groups;
  // Parts of a sum, each of which a thread adds up, and numbers of a sequence that are looked at at a time.
  unsigned slices, chunk;
  // Whether the block has all units of its sequences.
  bool alone;
  // [gate][hidden][units] of U, then [matrix][chunk][groups] of what is multiplied with it or, when that has been done,
  // the sums' parts: [slice][gate][row][unit].
  float *weights;
  Group *tile;
};

// A block of a launch whose blocks have `units` units of `rows` sequences; those at the ends have fewer.
template <unsigned GATES>
static __device__ Share share_of(Step step, unsigned units, unsigned rows, unsigned chunk) {
  unsigned across = (step.hidden + units - 1) / units;
  Share share;
  share.hidden = step.hidden;
  share.unit = blockIdx.x % across * units;
  share.row = blockIdx.x / across * rows;
  share.units = step.hidden - share.unit < units ? step.hidden - share.unit : units;
  share.rows = step.rows - share.row < rows ? step.rows - share.row : rows;
  share.groups = (share.rows + GROUP - 1) / GROUP;
  share.slices = blockDim.x / (share.units * share.groups);
  share.chunk = chunk;
  share.alone = across == 1;
  share.weights = block_memory();
  share.tile = (Group *)share.weights + (GATES * step.hidden * units + GROUP - 1) / GROUP;
  return share;
}

// Whether this thread has a unit of a sequence, and which.
static __device__ bool owns(Share share) { return threadIdx.x < share.units * share.rows; }
static __device__ unsigned own_unit(Share share) { return share.unit + threadIdx.x % share.units; }
static __device__ unsigned own_row(Share share) { return share.row + threadIdx.x / share.units; }

// Keeps the columns of U that make the block's units; `state` is hidden × (GATES · hidden).
template <unsigned GATES> static __device__ void keep_columns(Share share, const float *state) {
  unsigned n = share.hidden, units = share.units;
  for (unsigned place = threadIdx.x; place < GATES * n * units; place += blockDim.x) {
    unsigned unit = place % units, from = place / units % n, gate = place / units / n;
    share.weights[place] = state[((Wide)from * GATES + gate) * n + share.unit + unit];
  }
}

// Keeps the rows of U that the block's units go through.
template <unsigned GATES> static __device__ void keep_rows(Share share, const float *state) {
  unsigned n = share.hidden, units = share.units;
  for (unsigned place = threadIdx.x; place < GATES * n * units; place += blockDim.x) {
    unsigned column = place % (GATES * n), unit = place / (GATES * n);
    share.weights[column * units + unit] = state[(Wide)(share.unit + unit) * GATES * n + column];
  }
}

// What is multiplied with U: a matrix with a row to a sequence, or one for each gate; distances between rows and between
// matrices.
struct Factor {
  const float *at;
  Wide row, apart;
  unsigned matrices;
};

// Brings `count` columns from `begin` on of the block's rows into its memory, a group of rows side by side.
static __device__ void bring(Share share, Factor factor, unsigned begin, unsigned count) {
  unsigned height = share.groups * GROUP;
  float *tile = (float *)share.tile;
  for (unsigned place = threadIdx.x; place < factor.matrices * height * count; place += blockDim.x) {
    unsigned column = place % count, row = place / count % height, matrix = place / count / height;
    const float *from = factor.at + matrix * factor.apart + (share.row + row) * factor.row;
    tile[((Wide)matrix * count + column) * height + row] = row < share.rows ? from[begin + column] : 0.0f;
  }
}

// Adds this thread's part of the products with those columns. `APART`: each gate has a matrix of its own.
template <unsigned GATES, bool APART>
static __device__ void add_products(Share share, Group *sums, unsigned begin, unsigned count) {
  unsigned unit = threadIdx.x % share.units, group = threadIdx.x / share.units % share.groups;
  unsigned slice = threadIdx.x / (share.units * share.groups);
  for (unsigned column = slice; column < count; column += share.slices) {
    Group left = share.tile[column * share.groups + group];
    for (unsigned gate = 0; gate < GATES; gate++) {
      if (APART && gate > 0) left = share.tile[(gate * count + column) * share.groups + group];
      float right = share.weights[(gate * share.hidden + begin + column) * share.units + unit];
      for (unsigned row = 0; row < GROUP; row++) sums[gate].of[row] += left.of[row] * right;
    }
  }
}

// The products of each gate for the unit of a sequence that this thread owns, summed in a fixed order. All threads of
// the block come here, and have done with what they got before.
template <unsigned GATES> static __device__ void products(Share share, Factor factor, float *pulled) {
  unsigned pairs = share.units * share.groups, height = share.groups * GROUP;
  unsigned unit = threadIdx.x % share.units, group = threadIdx.x / share.units % share.groups;
  unsigned slice = threadIdx.x / pairs;
  Group sums[GATES] = {};
  for (unsigned begin = 0; begin < share.hidden; begin += share.chunk) {
    unsigned count = share.hidden - begin < share.chunk ? share.hidden - begin : share.chunk;
    if (begin > 0) __syncthreads();
    bring(share, factor, begin, count);
    __syncthreads();
    if (slice >= share.slices) continue;
    if (factor.matrices > 1) add_products<GATES, true>(share, sums, begin, count);
    else add_products<GATES, false>(share, sums, begin, count);
  }
  __syncthreads();
  float *parts = (float *)share.tile;
  if (slice < share.slices)
    for (unsigned gate = 0; gate < GATES; gate++)
      for (unsigned row = 0; row < GROUP; row++)
        parts[((slice * GATES + gate) * height + group * GROUP + row) * share.units + unit] = sums[gate].of[row];
  __syncthreads();
  if (!owns(share)) return;
  for (unsigned gate = 0; gate < GATES; gate++) {
    float sum = 0.0f;
    for (unsigned part = 0; part < share.slices; part++)
      sum += parts[((part * GATES + gate) * height + threadIdx.x / share.units) * share.units + unit];
    pulled[gate] = sum;
  }
}

// h at a step, or its masked copies, as they enter the products: those of a step lie side by side.
static __device__ Factor entering(const float *h, const float *recurred, Step step, unsigned copies, unsigned t) {
  const float *from = (copies > 0 ? recurred : h) + (Wide)t * step.rows * step.hidden;
  return {from, step.hidden, step.apart, copies > 1 ? copies : 1};
}

// The gradients of the products of a step, a matrix for each gate.
template <unsigned GATES> static __device__ Factor returning(const float *gates, Step step, unsigned t) {
  Wide wide = (Wide)GATES * step.hidden;
  return {gates + (Wide)t * step.rows * wide, wide, step.hidden, GATES};
}

// The gradient of h that arrives at a step, as `arriving` has it, from the products that this thread has summed.
template <unsigned GATES>
static __device__ float arriving_here(const float *dh, const float *above, const float *pulled, Step step, unsigned row,
                                      unsigned j) {
  Wide place = (Wide)row * step.hidden + j;
  float sum = dh[place] + above[place];
  if (step.copies > 1) {
    for (unsigned gate = 0; gate < GATES; gate++)
      sum += pulled[gate] * entry(step.state, step.t + 1, gate, row, j, 1.0f);
    return sum;
  }
  float all = 0.0f;
  for (unsigned gate = 0; gate < GATES; gate++) all += pulled[gate];
  return sum + all * (step.copies ? entry(step.state, step.t + 1, 0, row, j, 1.0f) : 1.0f);
}

// Waits until everything that the next step reads is written.
static __device__ void wait_for_step(Share share) {
  if (share.alone) __syncthreads();
  else wait_for_grid();
}
