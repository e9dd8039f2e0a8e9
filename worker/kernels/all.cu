// All kernels in one module.
#include "copies.cu"
#include "gru.cu"
#include "losses.cu"
#include "lstm.cu"
#include "random.cu"
#include "rnn.cu"
#include "sums.cu"
#include "updates.cu"
