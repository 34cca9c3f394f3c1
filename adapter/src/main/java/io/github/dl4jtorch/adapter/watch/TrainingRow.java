package io.github.dl4jtorch.adapter.watch;

import java.util.Map;

/**
 * What a {@link LearningRateMonitor} noted of an update. Where there is no number, there is no
 * entry.
 *
 * @param iteration the network's count of iterations, from 0
 * @param epoch the network's count of epochs, from 0
 * @param lrs the learning rates, by the names of the series as they are at this update
 * @param momenta the momenta, likewise
 * @param columns what {@link LearningRateMonitor#withColumn} and {@link
 *     LearningRateMonitor#withScore} added, by their names
 */
public record TrainingRow(
    int iteration,
    int epoch,
    Map<String, Double> lrs,
    Map<String, Double> momenta,
    Map<String, Double> columns) {}
