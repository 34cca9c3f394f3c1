package io.github.dl4jtorch.examples;

import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.NetworkSchedule;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.adapter.optim.TorchAdamW;
import io.github.dl4jtorch.adapter.optim.TorchOptimizer;
import io.github.dl4jtorch.adapter.optim.TorchSGD;
import io.github.dl4jtorch.schedules.AnnealStrategy;
import io.github.dl4jtorch.schedules.CosineAnnealingLR;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.LinearLR;
import io.github.dl4jtorch.schedules.OneCycleLR;
import io.github.dl4jtorch.schedules.ReduceLROnPlateau;
import io.github.dl4jtorch.schedules.SWALR;
import io.github.dl4jtorch.schedules.Schedule;
import io.github.dl4jtorch.schedules.SequentialLR;
import io.github.dl4jtorch.schedules.StepLR;
import io.github.dl4jtorch.swa.AveragedModel;
import io.github.dl4jtorch.swa.Averaging;
import io.github.dl4jtorch.swa.AveragingListener;
import io.github.dl4jtorch.swa.SwalrListener;
import java.util.List;
import java.util.function.Supplier;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.schedule.ScheduleType;

/** The ways to train that {@link Gains} compares, each by its usual recipe. */
enum Method {

  /** What all others are compared with: SGD with Nesterov's momentum at one rate. */
  CONSTANT("constant rate", false),

  /** A tenth of the rate after each third. */
  STEP("step", false) {
    @Override
    Supplier<MultiLayerNetwork> drive(Training training) {
      return training.by(new StepLR(Math.max(1, training.epochs() / 3), 0.1), ScheduleType.EPOCH);
    }
  },

  /** A linear warm-up over a tenth of the iterations, then half a cosine to 0. */
  COSINE("warm-up, cosine", false) {
    @Override
    Supplier<MultiLayerNetwork> drive(Training training) {
      return training.by(warmupThenCosine(training.iterations()), ScheduleType.ITERATION);
    }
  },

  /** A tenth of the rate whenever the validation loss has not fallen for a tenth of the epochs. */
  PLATEAU("plateau", false) {
    @Override
    Supplier<MultiLayerNetwork> drive(Training training) {
      MultiLayerNetwork net = training.net();
      LRScheduler run =
          ReduceLROnPlateau.builder()
              .factor(0.1)
              .patience(training.epochs() / 10)
              .build()
              .attach(NetworkParamGroups.of(net));
      net.addListeners(
          SchedulerListener.everyEpoch(
              run, trained -> Judged.by(net, training.validation()).loss()));
      return training::net;
    }
  },

  /**
   * PyTorch's recipe in short: a cosine, left after 17 of 30 epochs for half the rate, and the mean
   * of the weights after each epoch from there.
   */
  SWA("SWA", false) {
    @Override
    Supplier<MultiLayerNetwork> drive(Training training) {
      MultiLayerNetwork net = training.net();
      int start = training.epochs() * 17 / 30;
      LRScheduler cosine =
          new CosineAnnealingLR(training.epochs()).attach(NetworkParamGroups.of(net));
      AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.equal());
      net.addListeners(
          SwalrListener.everyEpoch(
                  SchedulerListener.everyEpoch(cosine),
                  new SWALR(training.lr() / 2, 1, AnnealStrategy.COS))
              .startingAt(start),
          AveragingListener.everyEpoch(net, average).startingAt(start));
      return average::network;
    }
  },

  /** One rate, and the weights' moving average over about a hundred iterations. */
  EMA("EMA", false) {
    @Override
    Supplier<MultiLayerNetwork> drive(Training training) {
      MultiLayerNetwork net = training.net();
      AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.ema(0.99));
      net.addListeners(AveragingListener.everyIteration(net, average));
      return average::network;
    }
  },

  /** AdamW at one rate. */
  ADAMW("AdamW", false) {
    @Override
    TorchOptimizer optimizer(double lr) {
      return adamW(lr);
    }

    @Override
    List<Double> rates() {
      return ADAMW_RATES;
    }
  },

  /** AdamW as it is mostly used. */
  ADAMW_COSINE("AdamW, warm-up, cosine", false) {
    @Override
    TorchOptimizer optimizer(double lr) {
      return adamW(lr);
    }

    @Override
    List<Double> rates() {
      return ADAMW_RATES;
    }

    @Override
    Supplier<MultiLayerNetwork> drive(Training training) {
      return COSINE.drive(training);
    }
  },

  /** What a tenth of the epochs gives by itself. */
  SHORT_CONSTANT("constant rate", true),

  /** What a schedule gives that is not the one for short trainings. */
  SHORT_COSINE("warm-up, cosine", true) {
    @Override
    Supplier<MultiLayerNetwork> drive(Training training) {
      return COSINE.drive(training);
    }
  },

  /** Super-convergence: one rise and fall, the momentum against it. */
  SHORT_ONE_CYCLE("one-cycle", true) {
    @Override
    Supplier<MultiLayerNetwork> drive(Training training) {
      LRScheduler run =
          OneCycleLR.builder(training.lr())
              .totalSteps(training.iterations())
              .build()
              .attach(NetworkParamGroups.of(training.net()));
      training.net().addListeners(SchedulerListener.everyIteration(run));
      return training::net;
    }
  };

  /**
   * The rates to choose from: as many for each method, far enough apart to have the best inside.
   */
  private static final List<Double> SGD_RATES = List.of(0.01, 0.03, 0.1, 0.3, 1.0);

  private static final List<Double> ADAMW_RATES = List.of(3e-4, 1e-3, 3e-3, 1e-2, 3e-2);

  private static final int SHORTER = 10;

  private final String title;
  private final boolean isShort;

  Method(String title, boolean isShort) {
    this.title = title;
    this.isShort = isShort;
  }

  /**
   * A training that is about to begin.
   *
   * @param net the network
   * @param lr its rate
   * @param epochs how many epochs there will be
   * @param batches how many iterations each has
   * @param validation images that are not trained on
   */
  record Training(MultiLayerNetwork net, double lr, int epochs, int batches, DataSet validation) {

    int iterations() {
      return epochs * batches;
    }

    private Supplier<MultiLayerNetwork> by(Schedule schedule, ScheduleType unit) {
      NetworkSchedule.of(schedule, unit).putInto(net);
      return this::net;
    }
  }

  private static Schedule warmupThenCosine(int iterations) {
    int warmup = Math.max(1, iterations / 10);
    return new SequentialLR(
        List.of(new LinearLR(0.01, 1, warmup), new CosineAnnealingLR(iterations - warmup)),
        List.of(warmup));
  }

  private static TorchOptimizer adamW(double lr) {
    return TorchOptimizer.of(new TorchAdamW(lr));
  }

  /** Returns the name, which a short training may share with a long one. */
  String title() {
    return title;
  }

  /** Tells whether this has a tenth of the epochs. */
  boolean isShort() {
    return isShort;
  }

  /** Returns the method at one rate over as many epochs. */
  Method baseline() {
    return isShort ? SHORT_CONSTANT : CONSTANT;
  }

  /** Returns of how many epochs this makes use. */
  int epochs(int epochs) {
    return isShort ? Math.max(1, epochs / SHORTER) : epochs;
  }

  /** Returns the rates to choose from, in ascending order. */
  List<Double> rates() {
    return SGD_RATES;
  }

  /** Returns the optimizer to build the network with. */
  TorchOptimizer optimizer(double lr) {
    return TorchOptimizer.of(new TorchSGD(lr).withNesterovMomentum(0.9)).withWeightDecay(5e-4);
  }

  /**
   * Makes a network be trained in this way.
   *
   * @return gives the network to be judged when training is over
   */
  Supplier<MultiLayerNetwork> drive(Training training) {
    return training::net;
  }
}
