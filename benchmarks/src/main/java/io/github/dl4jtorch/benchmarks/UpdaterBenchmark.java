package io.github.dl4jtorch.benchmarks;

import io.github.dl4jtorch.adapter.optim.AdamWScheduleFree;
import io.github.dl4jtorch.adapter.optim.Lion;
import io.github.dl4jtorch.adapter.optim.SGDScheduleFree;
import io.github.dl4jtorch.adapter.optim.TorchASGD;
import io.github.dl4jtorch.adapter.optim.TorchAdadelta;
import io.github.dl4jtorch.adapter.optim.TorchAdafactor;
import io.github.dl4jtorch.adapter.optim.TorchAdagrad;
import io.github.dl4jtorch.adapter.optim.TorchAdam;
import io.github.dl4jtorch.adapter.optim.TorchAdamW;
import io.github.dl4jtorch.adapter.optim.TorchAdamax;
import io.github.dl4jtorch.adapter.optim.TorchMuon;
import io.github.dl4jtorch.adapter.optim.TorchNAdam;
import io.github.dl4jtorch.adapter.optim.TorchOptimizer;
import io.github.dl4jtorch.adapter.optim.TorchRAdam;
import io.github.dl4jtorch.adapter.optim.TorchRMSprop;
import io.github.dl4jtorch.adapter.optim.TorchRprop;
import io.github.dl4jtorch.adapter.optim.TorchSGD;
import io.github.dl4jtorch.adapter.optim.TorchUpdater;
import java.util.concurrent.TimeUnit;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.GradientUpdater;
import org.nd4j.linalg.learning.config.AMSGrad;
import org.nd4j.linalg.learning.config.AdaDelta;
import org.nd4j.linalg.learning.config.AdaGrad;
import org.nd4j.linalg.learning.config.AdaMax;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.Nadam;
import org.nd4j.linalg.learning.config.Nesterovs;
import org.nd4j.linalg.learning.config.RmsProp;
import org.nd4j.linalg.learning.config.Sgd;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** What one update of 25 million parameters costs, beside DL4J's nearest updater. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Fork(
    value = 1,
    jvmArgsAppend = {
      "-Xmx2g",
      "-Dorg.bytedeco.javacpp.maxbytes=8g",
      "-Dorg.bytedeco.javacpp.maxphysicalbytes=12g"
    })
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 5, time = 1)
public class UpdaterBenchmark {

  private static final int SIDE = 1000;
  private static final long MATRIX = (long) SIDE * SIDE;
  private static final long PARAMETERS = 25 * MATRIX;

  /** An updater of this project, and DL4J's nearest. */
  @SuppressWarnings("ImmutableEnumChecker") // Nobody changes what they hold.
  public enum Kind {
    /** Plain SGD. */
    SGD(new TorchSGD(0.01), new Sgd(0.01)),
    /** SGD with momentum. */
    SGD_MOMENTUM(new TorchSGD(0.01).withMomentum(0.9), new Nesterovs(0.01, 0.9)),
    /** SGD with momentum and dampening. */
    SGD_DAMPENING(new TorchSGD(0.01).withMomentum(0.9, 0.1), new Nesterovs(0.01, 0.9)),
    /** SGD with Nesterov momentum. */
    SGD_NESTEROV(new TorchSGD(0.01).withNesterovMomentum(0.9), new Nesterovs(0.01, 0.9)),
    /** Adam. */
    ADAM(new TorchAdam(0.001), new Adam(0.001)),
    /** AdamW. */
    ADAMW(new TorchAdamW(0.001), new Adam(0.001)),
    /** AMSGrad. */
    AMSGRAD(new TorchAdam(0.001).withAmsgrad(), new AMSGrad(0.001)),
    /** RAdam. */
    RADAM(new TorchRAdam(0.001), new Adam(0.001)),
    /** Adagrad. */
    ADAGRAD(new TorchAdagrad(0.01), new AdaGrad(0.01)),
    /** Adadelta. */
    ADADELTA(new TorchAdadelta(1.0), new AdaDelta()),
    /** Plain RMSprop. */
    RMSPROP(new TorchRMSprop(0.01), new RmsProp(0.01)),
    /** RMSprop with momentum. */
    RMSPROP_MOMENTUM(new TorchRMSprop(0.01).withMomentum(0.9), new RmsProp(0.01)),
    /** Centered RMSprop. */
    RMSPROP_CENTERED(new TorchRMSprop(0.01).withCentering(), new RmsProp(0.01)),
    /** Adamax. */
    ADAMAX(new TorchAdamax(0.002), new AdaMax(0.002)),
    /** NAdam. */
    NADAM(new TorchNAdam(0.002), new Nadam(0.002)),
    /** Lion. */
    LION(new Lion(1e-4), new Adam(0.001)),
    /** Schedule-Free SGD. */
    SGD_SCHEDULE_FREE(new SGDScheduleFree(0.1), new Nesterovs(0.01, 0.9)),
    /** Schedule-Free AdamW. */
    ADAMW_SCHEDULE_FREE(new AdamWScheduleFree(0.0025), new Adam(0.001)),
    /** Climbing gradients. */
    ADAM_MAXIMIZE(new TorchAdam(0.001).withMaximize(), new Adam(0.001)),
    /** ASGD before it averages. */
    ASGD(new TorchASGD(0.01).withLambd(0), new Sgd(0.01)),
    /** ASGD that averages. */
    ASGD_AVERAGING(new TorchASGD(0.01).withLambd(0).withT0(0), new Nesterovs(0.01, 0.9)),
    /** Rprop, of which DL4J has none. */
    RPROP(new TorchRprop(0.01), new RmsProp(0.01)),
    /** Adafactor of 25 square matrices. */
    ADAFACTOR(ofMatrices(new TorchAdafactor(0.01)), new Adam(0.001)),
    /** Muon of 25 square matrices. */
    MUON(ofMatrices(new TorchMuon(0.02)), new Nesterovs(0.01, 0.9));

    private final IUpdater torch;
    private final IUpdater dl4j;

    Kind(IUpdater torch, IUpdater dl4j) {
      this.torch = torch;
      this.dl4j = dl4j;
    }

    /**
     * Gives an updater the shape of the matrices that make up the parameters, one after another.
     */
    private static IUpdater ofMatrices(TorchUpdater updater) {
      return TorchOptimizer.of(updater)
          .applyTo(new DenseLayer.Builder().nIn(SIDE).nOut(SIDE).hasBias(false))
          .build()
          .getIUpdater();
    }
  }

  /** Whose updater. */
  public enum Side {
    /** The exact one of this project. */
    TORCH,
    /** DL4J's. */
    DL4J
  }

  /** Which updater. */
  @Param public Kind kind = Kind.SGD;

  /** Whose. */
  @Param public Side side = Side.TORCH;

  private INDArray source = Nd4j.empty(DataType.FLOAT);
  private INDArray gradient = Nd4j.empty(DataType.FLOAT);
  private GradientUpdater<?> updater = new Sgd(0.01).instantiate((INDArray) null, false);
  private int iteration;

  /** Creates the benchmark, for JMH. */
  public UpdaterBenchmark() {}

  /** Makes gradients and state. */
  @Setup
  public void prepare() {
    Nd4j.getRandom().setSeed(1);
    source = Nd4j.rand(DataType.FLOAT, 1, PARAMETERS).subi(0.5);
    gradient = source.dup();
    IUpdater config = side == Side.TORCH ? kind.torch : kind.dl4j;
    // Without cells it is the same as for all at once; of these one set is enough.
    long cells = config.stateSize(0);
    long state = PARAMETERS / MATRIX * (config.stateSize(MATRIX) - cells) + cells;
    INDArray view = state == 0 ? null : Nd4j.zeros(DataType.FLOAT, 1, state);
    updater = config.instantiate(view, true);
    iteration = 0;
  }

  /** Puts the gradient back, which an update overwrites; not part of what is measured. */
  @Setup(Level.Invocation)
  public void refill() {
    gradient.assign(source);
  }

  /** Makes an update. */
  @Benchmark
  public void update() {
    updater.applyUpdater(gradient, iteration++, 0);
  }
}
