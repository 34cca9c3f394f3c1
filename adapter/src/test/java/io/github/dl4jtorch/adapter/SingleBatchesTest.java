package io.github.dl4jtorch.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.StepLR;
import java.util.List;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.schedule.ScheduleType;

/** Loops of a user's own over calls of fit with one batch, which are no epochs. */
class SingleBatchesTest {

  private static final StepLR HALVES = new StepLR(1, 0.5);
  private static final List<DataSet> DATA = Nets.data(4);

  enum Call {
    DATA_SET {
      @Override
      void fit(MultiLayerNetwork net, DataSet batch) {
        net.fit(batch);
      }

      @Override
      void fit(ComputationGraph net, DataSet batch) {
        net.fit(batch);
      }
    },
    MULTI_DATA_SET {
      @Override
      void fit(MultiLayerNetwork net, DataSet batch) {
        net.fit(batch.toMultiDataSet());
      }

      @Override
      void fit(ComputationGraph net, DataSet batch) {
        net.fit(batch.toMultiDataSet());
      }
    },
    ARRAYS {
      @Override
      void fit(MultiLayerNetwork net, DataSet batch) {
        net.fit(batch.getFeatures(), batch.getLabels());
      }

      @Override
      void fit(ComputationGraph net, DataSet batch) {
        net.fit(new INDArray[] {batch.getFeatures()}, new INDArray[] {batch.getLabels()});
      }
    };

    abstract void fit(MultiLayerNetwork net, DataSet batch);

    abstract void fit(ComputationGraph net, DataSet batch);

    /** Trains with two batches an epoch, and tells at its end. */
    List<Double> train(Model net, Runnable endEpoch) {
      Nets.Movement movement = new Nets.Movement();
      Nets.addListeners(net, movement);
      for (int batch = 0; batch < DATA.size(); batch++) {
        if (net instanceof MultiLayerNetwork layers) {
          fit(layers, DATA.get(batch));
        } else {
          fit((ComputationGraph) net, DATA.get(batch));
        }
        if (batch % 2 == 1) {
          endEpoch.run();
        }
      }
      return movement.rates;
    }
  }

  private static List<Model> networks(IUpdater updater) {
    return List.of(Nets.layers(updater), Nets.graph(updater));
  }

  private static Sgd pulled(ScheduleType unit) {
    return new Sgd(TorchSchedule.lr(HALVES, 0.04, unit));
  }

  private static LRScheduler run(Model net) {
    return HALVES.attach(
        net instanceof MultiLayerNetwork layers
            ? NetworkParamGroups.of(layers)
            : NetworkParamGroups.of((ComputationGraph) net));
  }

  private static void incrementEpochCount(Model net) {
    if (net instanceof MultiLayerNetwork layers) {
      layers.incrementEpochCount();
    } else {
      ((ComputationGraph) net).incrementEpochCount();
    }
  }

  private static void assertThatRatesAre(List<Double> rates, double... expected) {
    assertThat(rates).hasSize(expected.length);
    for (int iteration = 0; iteration < expected.length; iteration++) {
      assertThat(rates.get(iteration)).isCloseTo(expected[iteration], within(1e-12));
    }
  }

  @ParameterizedTest
  @EnumSource
  void areIterationsToPullAndPushBy(Call call) {
    for (Model net : networks(pulled(ScheduleType.ITERATION))) {
      assertThatRatesAre(call.train(net, () -> {}), 0.04, 0.02, 0.01, 0.005);
    }
    for (Model net : networks(new Sgd(0.04))) {
      Nets.addListeners(net, SchedulerListener.everyIteration(run(net)));
      assertThatRatesAre(call.train(net, () -> {}), 0.04, 0.02, 0.01, 0.005);
    }
  }

  @ParameterizedTest
  @EnumSource
  void areNoEpochsUntilSomebodySaysSo(Call call) {
    for (Model net : networks(pulled(ScheduleType.EPOCH))) {
      assertThatRatesAre(call.train(net, () -> {}), 0.04, 0.04, 0.04, 0.04);
      incrementEpochCount(net);
      assertThatRatesAre(call.train(net, () -> incrementEpochCount(net)), 0.02, 0.02, 0.01, 0.01);
    }
    for (Model net : networks(new Sgd(0.04))) {
      SchedulerListener listener = SchedulerListener.everyEpoch(run(net));
      Nets.addListeners(net, listener);
      assertThatRatesAre(call.train(net, () -> {}), 0.04, 0.04, 0.04, 0.04);
      listener.stepEpoch();
      assertThatRatesAre(call.train(net, listener::stepEpoch), 0.02, 0.02, 0.01, 0.01);
    }
  }
}
