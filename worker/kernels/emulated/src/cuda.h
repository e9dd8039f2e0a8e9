// Stands in for CUDA's keywords, so that a kernel compiles as C++.
#pragma once
#include <cmath>

struct Place {
  unsigned x;
};

// Of the thread that runs now.
extern thread_local Place threadIdx, blockIdx, blockDim, gridDim;

// Waits until all threads of the block, or of all blocks, have come here.
void wait_for_block();
void wait_for_grid();

// The memory of the block.
float *block_memory();

#define __global__
#define __device__
#define __launch_bounds__(threads)
// Blocks run one after the other, and all of a block's threads on one thread of the processor. Where blocks wait for one
// another they run side by side, and would share it: such kernels use block_memory().
#define __shared__ static thread_local
#define __syncthreads() wait_for_block()
