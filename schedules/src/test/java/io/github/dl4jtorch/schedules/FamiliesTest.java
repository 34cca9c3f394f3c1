package io.github.dl4jtorch.schedules;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dl4jtorch.schedules.families.Composer;
import io.github.dl4jtorch.schedules.families.Fastai;
import io.github.dl4jtorch.schedules.families.HuggingFace;
import io.github.dl4jtorch.schedules.families.Keras;
import io.github.dl4jtorch.schedules.families.NanoGpt;
import io.github.dl4jtorch.schedules.families.Optax;
import io.github.dl4jtorch.schedules.families.Papers;
import io.github.dl4jtorch.schedules.families.Pix2Pix;
import io.github.dl4jtorch.schedules.families.PytorchOptimizer;
import io.github.dl4jtorch.schedules.families.SchedulesAndScaling;
import io.github.dl4jtorch.schedules.families.Timm;
import io.github.dl4jtorch.schedules.families.TorchTitan;
import io.github.dl4jtorch.schedules.families.Torchvision;
import io.github.dl4jtorch.schedules.families.Yolov5;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** What the traces of other libraries do not hold: edges, refusals, and the ways to them. */
class FamiliesTest {

  private static Schedule read(String map) {
    return Schedule.fromMap(Json.readMap(map.replace('\'', '"')));
  }

  private static ParamGroups group() {
    return ParamGroups.of(ParamGroup.sgd(0.1, 0.9));
  }

  /** Computed in Python from the libraries' formulas, the noise by torch 1.13 itself. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          {'type': 'huggingface.warmup_stable_decay', 'num_warmup_steps': 3, 'num_training_steps': 5, 'num_decay_steps': 7, 'num_cycles': 1.25, 'min_lr_ratio': 0.2} | 0 2 3 4 5 6 7 | 0.020000000000000004 0.07333333333333335 0.0912732592987212 0.09603875471609678 0.020000000000000004 0.020000000000000004 0.020000000000000004
          {'type': 'huggingface.linear', 'num_warmup_steps': 10, 'num_training_steps': 4} | 0 3 9 10 11 50 | 0.0 0.03 0.09000000000000001 0.0 0.0 0.0
          {'type': 'huggingface.linear', 'num_warmup_steps': 0, 'num_training_steps': 0} | 0 1 7 | 0.0 0.0 0.0
          {'type': 'huggingface.cosine_with_restarts', 'num_warmup_steps': 2, 'num_training_steps': 11, 'num_cycles': 3} | 0 1 2 4 5 8 10 11 30 | 0.0 0.05 0.1 0.025000000000000012 0.1 0.1 0.025000000000000036 0.0 0.0
          {'type': 'huggingface.cosine_warmup_with_min_lr', 'num_warmup_steps': 1, 'num_training_steps': 9, 'min_lr': 0.03, 'num_cycles': 0.75, 'warmup_lr_rate': 0.4} | 0 1 4 8 9 20 | 0.04000000000000001 0.09410143643058909 0.04025126265847084 0.06499999999999999 0.08444495815568605 0.08974873734152913
          {'type': 'huggingface.polynomial', 'num_warmup_steps': 2, 'num_training_steps': 9, 'lr_end': 0.001, 'power': 2.5, 'default_lr': 0.4} | 0 1 2 5 9 10 99 | 0.0 0.05 0.1 0.024871685670315374 0.00025 0.00025 0.00025
          {'type': 'huggingface.inverse_sqrt', 'num_warmup_steps': 0} | 0 1 20000 | 0.1 0.09999500037496876 0.05773502691896258
          {'type': 'timm.CosineLRScheduler', 't_initial': 6, 'lr_min': 0.01, 'cycle_mul': 2.5, 'cycle_decay': 0.6, 'cycle_limit': 2, 'warmup_t': 3, 'warmup_lr_init': 0.02, 'warmup_prefix': true, 'k_decay': 0.7} | 1 2 3 4 8 10 20 24 40 | 0.04666666666666667 0.07333333333333333 0.1 0.0831033624728048 0.013150525338589354 0.05726721013144866 0.014553364281389624 0.01 0.01
          {'type': 'timm.CosineLRScheduler', 't_initial': 9, 'noise_range_t': [2, 5], 'noise_pct': 0.01, 'noise_seed': -3} | 1 2 3 4 5 8 | 0.09698463103929543 0.08788066228709843 0.07443470188882204 0.05856372325170205 0.041317591116653486 0.0030153689607045845
          {'type': 'timm.TanhLRScheduler', 't_initial': 5, 'warmup_t': 7, 'warmup_lr_init': 0.01, 'lr_min': 0.02} | 1 6 7 9 | 0.011428571428571429 0.018571428571428572 0.02 0.02
          {'type': 'timm.MultiStepLRScheduler', 'decay_t': [1, 4, 4], 'decay_rate': 0.5} | 1 2 3 4 9 | 0.05 0.05 0.0125 0.0125 0.0125
          {'type': 'timm.StepLRScheduler', 'decay_t': 0.3, 'decay_rate': 0.9, 'warmup_t': 2, 'warmup_prefix': false} | 1 2 3 6 9 | 0.05 0.05314410000000001 0.03486784401000001 0.012157665459056936 0.004239115827521624
          {'type': 'torchtitan.lr_scheduler', 'training_steps': 9, 'warmup_steps': 2, 'decay_ratio': 0.5, 'decay_type': 'sqrt', 'min_lr_factor': 0.1} | 0 1 2 5 6 8 9 11 | 0.05 0.1 0.1 0.1 0.05500000000000001 0.022057713659400527 0.010000000000000002 -0.010227038425243005
          {'type': 'epfl.wsd_schedule', 'n_iterations': 19, 'n_warmup': 4, 'init_div_factor': 7, 'final_lr_factor': 0.02, 'fract_decay': 0.29, 'decay_type': 'exp'} | 0 3 4 13 14 15 18 19 30 | 0.014285714285714285 0.07857142857142857 0.1 0.1 0.1 0.04573050519273264 0.004373448295773112 0.002 0.002
          {'type': 'nanogpt.get_lr', 'learning_rate': 0.02, 'warmup_iters': 0, 'lr_decay_iters': 7, 'min_lr': 0.003} | 0 1 6 7 8 | 0.02 0.01915823537717056 0.0038417646228294383 0.003 0.003
          {'type': 'keras.CosineDecayRestarts', 'initial_learning_rate': 0.3, 'first_decay_steps': 5} | 0 1 4 6 13 16 34 | 0.3 0.27135254915624213 0.0286474508437579 0.29265847744427304 0.0286474508437579 0.29815325108927065 0.001846748910729351
          {'type': 'keras.PolynomialDecay', 'initial_learning_rate': 0.3, 'decay_steps': 5, 'power': 0.5} | 0 1 4 5 9 | 0.3 0.26833871458087477 0.13421935729043735 0.0001 0.0001
          {'type': 'keras.CosineDecay', 'initial_learning_rate': 0.01, 'decay_steps': 5, 'warmup_target': 0.3} | 0 1 5 9 | 0.3 0.27135254915624213 0.0 0.0
          {'type': 'optax.polynomial_schedule', 'init_value': 0.2, 'end_value': 0.1, 'power': 2, 'transition_steps': 0} | 0 1 9 | 0.2 0.2 0.2
          {'type': 'optax.exponential_decay', 'init_value': 0.2, 'transition_steps': 4, 'decay_rate': 1.2, 'transition_begin': -3, 'end_value': 0.3} | 0 1 5 9 20 | 0.2 0.20932702787842114 0.2511924334541053 0.3 0.3
          {'type': 'optax.linear_onecycle_schedule', 'transition_steps': 4, 'peak_value': 0.2, 'pct_start': 0.3, 'pct_final': 0.4, 'div_factor': 5, 'final_div_factor': 10} | 0 1 2 3 4 5 | 0.04 0.008 0.005600000000000001 0.0032000000000000006 0.0008 0.0008
          {'type': 'composer.PolynomialWithWarmupScheduler', 't_warmup': '0.25dur', 'power': 3, 'alpha_f': 0.1, 'max_duration': '96sp', 'samples_per_batch': 8, 'dataloader_len': 4, 'scale_schedule_ratio': 0.5} | 0 1 2 3 7 12 13 | 0.0 0.03333333333333333 0.06666666666666667 0.1 0.025432098765432107 0.010000000000000002 0.010000000000000002
          {'type': 'composer.StepScheduler', 'step_size': '3ba', 'gamma': 0.5, 'max_duration': '9ba', 'scale_schedule_ratio': 0.5} | 0 1 2 5 | 0.1 0.05 0.025 0.003125
          {'type': 'fastai.fit_one_cycle', 'n_epoch': 2, 'n_iter': 6} | 0 1 3 4 11 12 | 0.004 0.02799999999999999 0.1 0.09698466119298503 0.003016338807014976 1.000000000001e-06
          {'type': 'pytorch_optimizer.LinearScheduler', 't_max': 6, 'max_lr': 0.2, 'min_lr': 0.05, 'init_lr': 0.01, 'warmup_steps': 0} | 0 1 2 6 7 | 0.05 0.2 0.17500000000000002 0.07499999999999998 0.04999999999999999
          {'type': 'papers.noam', 'd_model': 512} | 0 1 3999 4000 20000 | 1.746928107421711e-07 3.493856214843422e-07 0.0006987712429686843 0.000698683912937353 0.0003124921877929566
          {'type': 'papers.edm2', 'batch_size': 100, 'ref_batches': 0, 'rampup_Mimg': 0.001} | 0 1 9 10 20 | 0.0 0.001 0.009000000000000001 0.01 0.01
          """)
  void followsTheOriginalAtTheEdges(String map, String steps, String rates) {
    Schedule schedule = read(map);
    String[] expected = rates.split(" ");
    int row = 0;
    for (String step : steps.split(" ")) {
      double rate = Double.parseDouble(expected[row++]);
      ParamGroups groups = group();
      schedule.attach(groups).skip(Long.parseLong(step));
      assertThat(groups.get(0).lr())
          .as("step %s", step)
          .isCloseTo(rate, Offset.offset(1e-12 * Math.abs(rate) + 1e-15));
    }
  }

  /** What is refused when it is read, and how. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          {'type':'huggingface.linear','num_training_steps':9} | huggingface.linear: "num_warmup_steps" is missing
          {'type':'huggingface.linear','num_warmup_steps':-1,'num_training_steps':9} | huggingface.linear: num_warmup_steps must be >= 0 but was -1
          {'type':'huggingface.linear','num_warmup_steps':1.5,'num_training_steps':9} | huggingface.linear: "num_warmup_steps" must be a whole number but was 1.5
          {'type':'huggingface.cosin','num_warmup_steps':1,'num_training_steps':9} | unknown type "huggingface.cosin"; did you mean "huggingface.cosine"?
          {'type':'huggingface.linear','num_warmup_steps':1,'num_training_steps':9,'num_cycle_steps':2} | huggingface.linear: unknown key "num_cycle_steps"; did you mean "num_warmup_steps"?
          {'type':'huggingface.inverse_sqrt','num_warmup_steps':1,'timescale':0} | huggingface.inverse_sqrt: timescale must be >= 1 but was 0
          {'type':'huggingface.cosine_with_min_lr','num_warmup_steps':1,'num_training_steps':9} | huggingface.cosine_with_min_lr: one of min_lr and min_lr_rate must be given but both were absent
          {'type':'huggingface.cosine_with_min_lr','num_warmup_steps':1,'num_training_steps':9,'min_lr':0.1,'min_lr_rate':0.1} | huggingface.cosine_with_min_lr: one of min_lr and min_lr_rate must be given but both were
          {'type':'huggingface.warmup_stable_decay','num_warmup_steps':1,'num_decay_steps':9} | huggingface.warmup_stable_decay: num_training_steps or num_stable_steps must be given but both were absent
          {'type':'huggingface.warmup_stable_decay','num_warmup_steps':1,'num_decay_steps':9,'num_stable_steps':1,'decay_type':'sqrt'} | huggingface.warmup_stable_decay: decay_type must be one of "linear", "cosine", "1-sqrt" but was "sqrt"
          {'type':'huggingface.greedy','factor':1} | huggingface.greedy: factor must be > 0 and < 1 but was 1.0
          {'type':'timm.CosineLRScheduler','t_initial':0} | timm.CosineLRScheduler: t_initial must be >= 1 but was 0
          {'type':'timm.TanhLRScheduler','t_initial':5,'lb':3} | timm.TanhLRScheduler: lb must be < ub, which is 3.0, but was 3.0
          {'type':'timm.MultiStepLRScheduler','decay_t':[3,2]} | timm.MultiStepLRScheduler: decay_t must be ascending but was [3, 2]
          {'type':'timm.StepLRScheduler','decay_t':3,'noise_range_t':[1,2,3]} | timm.StepLRScheduler: noise_range_t must be a number or two but was [1.0, 2.0, 3.0]
          {'type':'timm.StepLRScheduler','decay_t':3,'noise_range_t':1,'noise_pct':0} | timm.StepLRScheduler: noise_pct must be > 0 but was 0.0
          {'type':'timm.create_scheduler_v2','step_on_epochs':false} | timm.create_scheduler_v2: updates_per_epoch must be > 0 unless step_on_epochs but was 0
          {'type':'torchvision.lr_scheduler','lr_scheduler':'cosineannealinglr','epochs':5,'lr_warmup_epochs':5} | torchvision.lr_scheduler: lr_warmup_epochs must be < epochs, which is 5, but was 5
          {'type':'keras.CosineDecay','initial_learning_rate':0.1,'decay_steps':0} | keras.CosineDecay: decay_steps must be > 0 but was 0.0
          {'type':'keras.PiecewiseConstantDecay','boundaries':[1],'values':[1]} | keras.PiecewiseConstantDecay: values must be one more than boundaries, 1, but was [1.0]
          {'type':'optax.warmup_cosine_decay_schedule','init_value':0,'peak_value':1,'warmup_steps':5,'decay_steps':5} | optax.warmup_cosine_decay_schedule: decay_steps must be > warmup_steps, which is 5, but was 5
          {'type':'optax.piecewise_constant_schedule','init_value':1,'boundaries_and_scales':{'5':-1}} | optax.piecewise_constant_schedule: boundaries_and_scales must be >= 0 but was -1.0
          {'type':'optax.piecewise_constant_schedule','init_value':1,'boundaries_and_scales':{'x':1}} | optax.piecewise_constant_schedule: boundaries_and_scales must be from whole numbers to numbers but was x=1
          {'type':'optax.join_schedules','schedules':[{'type':'StepLR','step_size':3}],'boundaries':[]} | optax.join_schedules: schedules must be of optax but was StepLR
          {'type':'optax.join_schedules','schedules':[{'type':'optax.constant_schedule','value':3}],'boundaries':[2]} | optax.join_schedules: boundaries must be one fewer than schedules, which are 1, but was [2]
          {'type':'fastai.combine_scheds','pcts':[0.5],'scheds':[{'type':'fastai.SchedNo','start':1,'end':1}]} | fastai.combine_scheds: the sum of pcts must be 1 but was 0.5
          {'type':'fastai.fit_one_cycle','n_epoch':3,'moms':[0.9]} | fastai.fit_one_cycle: moms must be three or none but was [0.9]
          {'type':'composer.LinearScheduler','max_duration':'9'} | composer.LinearScheduler: max_duration must be a number and ep, ba, sp, tok or dur, like "0.1dur", but was "9"
          {'type':'composer.LinearScheduler','max_duration':'9ep'} | composer.LinearScheduler: "dataloader_len" is missing
          {'type':'composer.StepScheduler','step_size':'1ba','max_duration':'9ba','scale_schedule_ratio':0.5} | composer.StepScheduler: step_size must be > 0ba but was 0ba
          {'type':'composer.LinearWithWarmupScheduler','t_warmup':'2ba','max_duration':'99sp','samples_per_batch':3} | composer.LinearWithWarmupScheduler: t_warmup and t_max must be in the same unit but were in ba and sp
          {'type':'composer.LinearWithWarmupScheduler','t_warmup':'2ba','t_max':'8ba','max_duration':'9ba'} | composer.LinearWithWarmupScheduler: t_max must be >= max_duration, which is 9ba, but was 8ba
          {'type':'papers.noam','d_model':0} | papers.noam: d_model must be >= 1 but was 0
          """)
  void refusesWhatIsIllegalNamingIt(String map, String message) {
    assertThatThrownBy(() -> read(map))
        .isExactlyInstanceOf(MalformedDataException.class)
        .hasMessage(message);
  }

  static Stream<List<Schedule>> ways() {
    return Stream.of(
        List.of(
            HuggingFace.getScheduler("linear", 10, 100),
            read("{'type':'huggingface.linear','num_warmup_steps':10,'num_training_steps':100}")),
        List.of(
            HuggingFace.getScheduler("constant", 10, 100), read("{'type':'huggingface.constant'}")),
        List.of(
            HuggingFace.getScheduler("reduce_lr_on_plateau", 0, 0, Map.of("patience", 3)),
            ReduceLROnPlateau.builder().patience(3).build()),
        List.of(
            Timm.scheduler("StepLRScheduler", Map.of("decay_t", 3)),
            read("{'type':'timm.StepLRScheduler','decay_t':3.0}")),
        List.of(
            Timm.createScheduler(Map.of("sched", "multistep", "noise", List.of(0.5))).scheduler(),
            read(
                "{'type':'timm.MultiStepLRScheduler','decay_t':[90,180,270],'decay_rate':0.1,"
                    + "'warmup_lr_init':1e-5,'warmup_prefix':false,'noise_range_t':150}")),
        List.of(
            TorchTitan.lrScheduler(100, Map.of("decay_ratio", 0.2)),
            read(
                "{'type':'torchtitan.lr_scheduler','training_steps':100,'warmup_steps':200,"
                    + "'total_steps':100,'decay_ratio':0.2}")),
        List.of(
            SchedulesAndScaling.schedule("wsd_schedule", Map.of("n_iterations", 99)),
            read("{'type':'epfl.wsd_schedule','n_iterations':99,'n_warmup':1000}")),
        List.of(NanoGpt.getLr(Map.of()), read("{'type':'nanogpt.get_lr','min_lr':6e-5}")),
        List.of(Torchvision.lrScheduler(Map.of()), new StepLR(30, 0.1)),
        List.of(
            Torchvision.lrScheduler(Map.of("lr_warmup_epochs", 5)),
            new SequentialLR(List.of(new ConstantLR(0.01, 5), new StepLR(30, 0.1)), List.of(5))),
        List.of(
            Fastai.schedule("fit_flat_cos", Map.of("n_epoch", 3)),
            read("{'type':'fastai.fit_flat_cos','n_epoch':3,'pct_start':0.75}")),
        List.of(
            Keras.schedule(
                "ExponentialDecay",
                Map.of("initial_learning_rate", 1, "decay_steps", 2, "decay_rate", 0.5)),
            read(
                "{'type':'keras.ExponentialDecay','initial_learning_rate':1.0,'decay_steps':2,"
                    + "'decay_rate':0.5,'staircase':false}")),
        List.of(
            Optax.joinSchedules(
                List.of(
                    Optax.schedule("constant_schedule", Map.of("value", 1)),
                    Optax.schedule("constant_schedule", Map.of("value", 2))),
                List.of(7)),
            read(
                "{'type':'optax.join_schedules','schedules':[{'type':'optax.constant_schedule',"
                    + "'value':1},{'type':'optax.constant_schedule','value':2}],'boundaries':[7]}")),
        List.of(
            Composer.scheduler("LinearScheduler", Map.of("max_duration", "9ba")),
            read("{'type':'composer.LinearScheduler','max_duration':'9ba','t_max':'1dur'}")),
        List.of(Pix2Pix.getScheduler("step", Map.of()), new StepLR(50, 0.1)),
        List.of(Pix2Pix.getScheduler("cosine", Map.of()), new CosineAnnealingLR(100, 0)),
        List.of(Yolov5.lf(Map.of("epochs", 9)), new LambdaLR(EpochFunction.yolov5Linear(9, 0.01))),
        List.of(
            Yolov5.train(Map.of("epochs", 9, "batches_per_epoch", 20)),
            new WarmupLR(
                new LambdaLR(EpochFunction.yolov5Linear(9, 0.01)),
                20,
                100,
                PerGroup.each(List.of(0.1, 0.0, 0.0)),
                0.8)),
        List.of(
            PytorchOptimizer.scheduler("REXScheduler", Map.of("total_steps", 9)),
            read("{'type':'pytorch_optimizer.REXScheduler','total_steps':9,'max_lr':1}")),
        List.of(
            Papers.schedule("super_convergence", Map.of()),
            CyclicLR.builder(0.1, 3).stepSizeUp(5000).cycleMomentum(false).build()));
  }

  @ParameterizedTest
  @MethodSource("ways")
  void leadsToTheSameByNameAndByMap(List<Schedule> same) {
    assertThat(same.get(0)).isEqualTo(same.get(1)).hasSameHashCodeAs(same.get(1));
    assertThat(same.get(0)).hasToString(same.get(1).toString());
  }

  @Test
  void countsTheEpochsOfTimmsFactory() {
    assertThat(Timm.createScheduler(Map.of()).numEpochs()).isEqualTo(300);
    Map<String, Object> keywords = new LinkedHashMap<>();
    keywords.put("num_epochs", 10);
    keywords.put("cycle_limit", 2);
    keywords.put("cycle_mul", 1.5);
    keywords.put("cooldown_epochs", 3);
    keywords.put("warmup_epochs", 2);
    keywords.put("warmup_prefix", true);
    assertThat(Timm.createScheduler(keywords).numEpochs()).isEqualTo(25 + 3 + 2);
    keywords.put("sched", "step");
    assertThat(Timm.createScheduler(keywords).numEpochs()).isEqualTo(10 + 2);
  }

  @Test
  void setsFastaisMomentaOfBothKinds() {
    Schedule schedule =
        Fastai.schedule(
            "fit_one_cycle",
            Map.of("n_epoch", 1, "n_iter", 8, "moms", List.of(0.9, 0.5, 0.7), "pct_start", 0.5));
    for (ParamGroup group : List.of(ParamGroup.sgd(1, 0.1), ParamGroup.adam(1, 0.1))) {
      LRScheduler run = schedule.attach(ParamGroups.of(group));
      assertThat(group.momentum()).isEqualTo(0.9);
      run.step();
      run.step();
      assertThat(group.momentum()).isCloseTo(0.7, Offset.offset(1e-15));
      run.skip(2);
      assertThat(group.momentum()).isEqualTo(0.5);
      run.step(8.0);
      assertThat(group.momentum()).isEqualTo(0.7);
      assertThat(group.lr()).isCloseTo(1e-5, Offset.offset(1e-15));
    }
    ParamGroups without = ParamGroups.of(ParamGroup.withoutMomentum(0.1));
    assertThatThrownBy(() -> schedule.attach(without))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "fastai.fit_one_cycle is to set the momentum, but param group 0 has neither momentum"
                + " nor beta1; build it without");
    assertThat(without.get(0).lr()).isEqualTo(0.1);
  }

  @Test
  void refusesGroupsThatDoNotFit() {
    ParamGroups groups = ParamGroups.of(ParamGroup.sgd(0.1, 0.9), ParamGroup.sgd(1e-8, 0.9));
    List<Map<String, Object>> before = groups.stateDict();
    Schedule polynomial = HuggingFace.getScheduler("polynomial", 1, 9);
    assertThatThrownBy(() -> polynomial.attach(groups))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("lr_end must be < the initial lr of 1.0E-8 but was 1.0E-7");
    Schedule greedy =
        HuggingFace.getScheduler("greedy", 0, 0, Map.of("min_lr", List.of(0.1, 0.1, 0.1)));
    assertThatThrownBy(() -> greedy.attach(groups))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("min_lr must have one entry for each of the 2 param groups but has 3");
    Schedule scaled =
        Timm.scheduler("StepLRScheduler", Map.of("decay_t", 3, "lr_scale", List.of(1)));
    assertThatThrownBy(() -> scaled.attach(groups))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("lr_scale must have one entry for each of the 2 param groups but has 1");
    assertThat(groups.stateDict()).isEqualTo(before);
  }

  @Test
  void refusesTheStepThatHasNoRate() {
    ParamGroups groups = group();
    LRScheduler run = TorchTitan.lrScheduler(3, Map.of("decay_ratio", 0)).attach(groups);
    run.skip(3);
    assertThat(groups.get(0).lr()).isEqualTo(0.1);
    Map<String, Object> before = run.stateDict();
    assertThatThrownBy(run::step)
        .isInstanceOf(ArithmeticException.class)
        .hasMessage(
            "torchtitan.lr_scheduler gives param group 0 a learning rate of -Infinity at epoch 4.0;"
                + " nothing was changed");
    assertThat(run.stateDict()).isEqualTo(before);
    assertThat(groups.get(0).lr()).isEqualTo(0.1);
  }

  @Test
  void greedyTakesNanForNoImprovementAndGoesBackToTheStart() {
    Schedule greedy =
        HuggingFace.getScheduler(
            "greedy",
            0,
            0,
            Map.of("factor", 0.5, "patience", 0, "min_lr", 0.03, "reset_start", 2, "max_lr", 0.15));
    ParamGroups groups = group();
    LRScheduler run = greedy.attach(groups);
    double[] metrics = {1, 0.5, Double.NaN, 2, 2, 2, 2};
    double[] rates = {0.15, 0.15, 0.075, 0.0375, 0.03, 0.1, 0.15};
    for (int i = 0; i < metrics.length; i++) {
      run.step(metrics[i]);
      assertThat(groups.get(0).lr()).as("step %s", i).isEqualTo(rates[i]);
    }
    assertThatThrownBy(run::step)
        .isInstanceOf(UnsupportedOperationException.class)
        .hasMessage(
            "huggingface.greedy needs a metric: call step(metric), for instance with the validation"
                + " loss");
    assertThat(run.lastEpoch()).isEqualTo(7);
  }

  @Test
  void timmsPlateauWarmsUpWithoutAMetricAndKeepsTheRateThatNoiseHides() {
    Schedule plateau =
        Timm.scheduler(
            "PlateauLRScheduler",
            Map.of("warmup_t", 2, "patience_t", 0, "decay_rate", 0.5, "noise_range_t", 3));
    ParamGroups groups = group();
    LRScheduler run = plateau.attach(groups);
    assertThat(groups.get(0).lr()).isZero();
    run.step();
    assertThat(groups.get(0).lr()).isEqualTo(0.05);
    run.step(Double.NaN);
    assertThat(groups.get(0).lr()).isEqualTo(0.1);
    run.step(1);
    assertThat(groups.get(0).lr()).isNotEqualTo(0.1).isBetween(0.033, 0.167);
    Map<String, Object> state = Json.readMap(Json.write(run.stateDict()));
    assertThat((List<?>) state.get("memory")).hasSize(4).last().isEqualTo(0.1);
    run.step();
    assertThat((List<?>) run.stateDict().get("memory")).last().isEqualTo(0.1);
    run.step(0.5);
    assertThat((List<?>) run.stateDict().get("memory")).last().isEqualTo(0.05);
    state.put("memory", List.of(1, 0, 0.5, 0.1));
    Map<String, Object> before = run.stateDict();
    assertThatThrownBy(() -> run.loadStateDict(state))
        .isExactlyInstanceOf(MalformedDataException.class)
        .hasMessage(
            "state of timm.PlateauLRScheduler: \"memory\": a count must be from 0 to 0 but was 0.5");
    assertThat(run.stateDict()).isEqualTo(before);
  }

  @Test
  void takesUpAGroupThatIsAddedIfTheRateIsNotItsOwn() {
    ParamGroups groups = group();
    LRScheduler nanoGpt = NanoGpt.getLr(Map.of("warmup_iters", 0)).attach(groups);
    groups.add(ParamGroup.sgd(0.3, 0.9));
    nanoGpt.step();
    assertThat(groups.get(1).lr()).isEqualTo(groups.get(0).lr());
    LRScheduler greedy = HuggingFace.getScheduler("greedy", 0, 0, Map.of()).attach(group());
    greedy.step(1);
    greedy.paramGroups().add(ParamGroup.sgd(0.3, 0.9));
    greedy.step(2);
    assertThat(greedy.getLastLr()).containsExactly(0.1, 0.3);
    assertThat(greedy.loadStateDict(greedy.stateDict())).isTrue();
  }

  /** A state as torch 1.13 saves it for a LambdaLR of a functools.partial. */
  @Test
  void takesUpTheStateThatTransformersSaved() {
    ParamGroups groups = group();
    LRScheduler run = HuggingFace.getScheduler("linear", 2, 10).attach(groups);
    groups.get(0).setLr(0.0625);
    boolean agree =
        run.loadStateDict(
            Json.readMap(
                "{\"base_lrs\":[0.1],\"last_epoch\":5,\"_step_count\":6,\"verbose\":false,"
                    + "\"_get_lr_called_within_step\":false,\"_last_lr\":[0.0625],"
                    + "\"lr_lambdas\":[{}]}"));
    assertThat(agree).isTrue();
    run.step();
    assertThat(groups.get(0).lr()).isEqualTo(0.05);
    assertThat(run.stateDict()).containsEntry("lr_lambdas", List.of(Map.of()));
  }
}
