// Losses of outputs, with the gradient put in place of each output. `outputs` are products without the bias; `weights`
// are 0 where an output does not count, null where all count. Gradients are multiplied by `scale`, and divided by the
// number at `divisor` where that is given.
#include "common.cuh"

static __device__ float gradient_scale(const float *weights, float scale, const float *divisor, unsigned row) {
  return scale * (weights ? weights[row] : 1.0f) / (divisor ? *divisor : 1.0f);
}

static __device__ void note(float *losses, const float *weights, unsigned row, float loss) {
  float weight = weights ? weights[row] : 1.0f;
  losses[row] = weight == 0.0f ? 0.0f : loss * weight;
}

// −log softmax of a class: a block to a row.
extern "C" __global__ void cross_entropy(float *outputs, const float *bias, const unsigned *classes,
                                         const float *weights, float scale, const float *divisor, float *losses,
                                         unsigned width) {
  __shared__ float answer;
  unsigned row = blockIdx.x, right = classes[row];
  float *own = outputs + (Wide)row * width;
  float largest = -INFINITY;
  for (unsigned column = threadIdx.x; column < width; column += blockDim.x) {
    float logit = own[column] + bias[column];
    own[column] = logit;
    largest = fmaxf(largest, logit);
    if (column == right) answer = logit;
  }
  largest = block_max(largest);
  double sum = 0.0;
  for (unsigned column = threadIdx.x; column < width; column += blockDim.x) {
    own[column] = expf(own[column] - largest);
    sum += own[column];
  }
  sum = block_sum(sum);
  float times = gradient_scale(weights, scale, divisor, row);
  float factor = times / (float)sum;
  for (unsigned column = threadIdx.x; column < width; column += blockDim.x) {
    float gradient = own[column] * factor;
    own[column] = column == right ? gradient - times : gradient;
  }
  if (threadIdx.x == 0) note(losses, weights, row, (float)(log(sum) + (double)largest - (double)answer));
}

// Cross-entropy of keys that are each on or off, summed: a block to a row.
extern "C" __global__ void keys_entropy(float *outputs, const float *bias, const float *keys, const float *weights,
                                        float scale, const float *divisor, float *losses, unsigned width) {
  unsigned row = blockIdx.x;
  float *own = outputs + (Wide)row * width;
  float times = gradient_scale(weights, scale, divisor, row);
  double sum = 0.0;
  for (unsigned column = threadIdx.x; column < width; column += blockDim.x) {
    float z = own[column] + bias[column], y = keys[(Wide)row * width + column];
    sum += fmaxf(z, 0.0f) - z * y + log1pf(expf(-fabsf(z)));
    own[column] = (sigmoid(z) - y) * times;
  }
  sum = block_sum(sum);
  if (threadIdx.x == 0) note(losses, weights, row, (float)sum);
}

// Squared error of one number: a thread to a row.
extern "C" __global__ void squared_error(float *outputs, const float *bias, const float *values, const float *weights,
                                         float scale, const float *divisor, float *losses, unsigned rows) {
  Wide row = thread_place();
  if (row >= rows) return;
  float off = outputs[row] + bias[0] - values[row];
  outputs[row] = off * gradient_scale(weights, scale, divisor, row) * 2.0f;
  note(losses, weights, row, off * off);
}

// The gradient of the top states at every step: `entered` and its gradient are those of the last steps from `first`
// on, which are read; `ar` and `tar` weight the penalties on what entered the output and on changes of states.
extern "C" __global__ void gradient_above(float *above, const float *gradient, const float *entered, Mask mask,
                                          const float *states, float ar, float tar, unsigned first, unsigned steps,
                                          unsigned rows, unsigned columns) {
  Wide place = thread_place(), size = (Wide)rows * columns;
  if (place >= steps * size) return;
  unsigned column = place % columns, row = place / columns % rows, t = place / size;
  float sum = 0.0f;
  if (t >= first) {
    Wide read = place - first * size;
    sum = gradient[read];
    if (ar != 0.0f) sum += ar * entered[read];
    sum *= entry(mask, t - first, 0, row, column, 1.0f);
  }
  if (tar != 0.0f) {
    if (t > 0) sum += tar * (states[place] - states[place - size]);
    if (t + 1 < steps) sum -= tar * (states[place + size] - states[place]);
  }
  above[place] = sum;
}

// Adds a row to every row.
extern "C" __global__ void add_row(float *to, const float *from, unsigned rows, unsigned columns) {
  Wide place = thread_place();
  if (place < (Wide)rows * columns) to[place] += from[place % columns];
}
