/**
 * PyTorch's learning-rate schedulers for SameDiff's own training: {@link
 * io.github.dl4jtorch.adapter.samediff.SameDiffParamGroups} are the live rates of a graph, and
 * {@link io.github.dl4jtorch.adapter.samediff.SameDiffSchedulerListener} steps a run on them.
 */
@NullMarked
package io.github.dl4jtorch.adapter.samediff;

import org.jspecify.annotations.NullMarked;
