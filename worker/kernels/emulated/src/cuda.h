// Stands in for CUDA's keywords, so that a kernel compiles as C++.
#pragma once
#include <cmath>

struct Place {
  unsigned x;
};

// Of the thread that runs now.
extern thread_local Place threadIdx, blockIdx, blockDim, gridDim;

// Waits until all threads of the block have come here.
void wait_for_block();

#define __global__
#define __device__
// Blocks run one after the other, and all of a block's threads on one thread of the processor.
#define __shared__ static thread_local
#define __syncthreads() wait_for_block()
