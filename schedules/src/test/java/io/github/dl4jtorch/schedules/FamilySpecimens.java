package io.github.dl4jtorch.schedules;

import java.util.List;
import java.util.Map;

/** Definitions of every schedule of other libraries, most keywords once away from the default. */
final class FamilySpecimens {

  private static final List<String> WRITTEN =
      List.of(
          "{'type':'huggingface.constant'}",
          "{'type':'huggingface.constant_with_warmup','num_warmup_steps':6}",
          "{'type':'huggingface.linear','num_warmup_steps':6,'num_training_steps':30}",
          "{'type':'huggingface.cosine','num_warmup_steps':6,'num_training_steps':30,'num_cycles':1.5}",
          "{'type':'huggingface.cosine_with_restarts','num_warmup_steps':6,'num_training_steps':30,'num_cycles':3}",
          "{'type':'huggingface.polynomial','num_warmup_steps':6,'num_training_steps':30,'lr_end':0.001,'power':2,'default_lr':0.1}",
          "{'type':'huggingface.inverse_sqrt','num_warmup_steps':6,'timescale':20}",
          "{'type':'huggingface.cosine_with_min_lr','num_warmup_steps':6,'num_training_steps':30,'min_lr':0.01,'default_lr':0.2}",
          "{'type':'huggingface.cosine_warmup_with_min_lr','num_warmup_steps':6,'num_training_steps':30,'min_lr_rate':0.1,'warmup_lr_rate':0.2}",
          "{'type':'huggingface.warmup_stable_decay','num_warmup_steps':6,'num_stable_steps':9,'num_decay_steps':11,'warmup_type':'1-sqrt','decay_type':'1-sqrt','min_lr_ratio':0.1}",
          "{'type':'timm.CosineLRScheduler','t_initial':7,'lr_min':1e-4,'cycle_mul':1.5,'cycle_decay':0.5,'cycle_limit':3,'warmup_t':4,'warmup_lr_init':1e-5,'warmup_prefix':true,'k_decay':1.5}",
          "{'type':'timm.CosineLRScheduler','t_initial':40,'noise_range_t':[5,25],'noise_pct':0.2,'noise_seed':7}",
          "{'type':'timm.TanhLRScheduler','t_initial':9,'lb':-4,'ub':2,'lr_min':1e-4,'cycle_limit':3,'warmup_t':4,'t_in_epochs':false}",
          "{'type':'timm.PolyLRScheduler','t_initial':9,'power':0.9,'cycle_limit':2,'cycle_decay':0.5,'noise_range_t':12}",
          "{'type':'timm.StepLRScheduler','decay_t':2.5,'decay_rate':0.5,'warmup_t':4,'lr_scale':0.5}",
          "{'type':'timm.MultiStepLRScheduler','decay_t':[5,9,9],'decay_rate':0.5,'warmup_t':4,'warmup_prefix':false}",
          "{'type':'torchtitan.lr_scheduler','training_steps':30,'warmup_steps':5,'decay_ratio':0.4,'decay_type':'sqrt','min_lr_factor':0.1}",
          "{'type':'epfl.cos_inf_schedule','n_iterations':30,'n_warmup':5,'div_factor':25,'final_div_factor':10,'n_inf':4}",
          "{'type':'epfl.wsd_schedule','n_iterations':30,'n_warmup':5,'final_lr_factor':0.1,'fract_decay':0.4,'decay_type':'miror_cosine'}",
          "{'type':'nanogpt.get_lr','learning_rate':0.1,'warmup_iters':5,'lr_decay_iters':30,'min_lr':0.01}",
          "{'type':'fastai.SchedLin','start':0.1,'end':0.01,'n_iter':30}",
          "{'type':'fastai.SchedCos','start':0.1,'end':0.01,'n_iter':30}",
          "{'type':'fastai.SchedNo','start':0.1,'end':0.01,'n_iter':30}",
          "{'type':'fastai.SchedExp','start':0.1,'end':0.01,'n_iter':30}",
          "{'type':'fastai.SchedPoly','start':0.1,'end':0.01,'power':2,'n_iter':30}",
          "{'type':'fastai.combine_scheds','pcts':[0.3,0.7],'scheds':[{'type':'fastai.SchedLin','start':0.01,'end':0.1},{'type':'fastai.SchedCos','start':0.1,'end':0.0}],'n_iter':30}",
          "{'type':'fastai.combined_cos','pct':0.3,'start':0.01,'middle':0.1,'end':0.001,'n_iter':30}",
          "{'type':'fastai.fit_one_cycle','n_epoch':3,'n_iter':10,'div':10,'div_final':1000,'pct_start':0.3,'moms':[0.9,0.8,0.85]}",
          "{'type':'fastai.fit_one_cycle','n_epoch':30,'lr_max':0.2,'moms':[]}",
          "{'type':'fastai.fit_flat_cos','n_epoch':30,'lr':0.2,'pct_start':0.5}",
          "{'type':'fastai.fit_sgdr','n_cycles':3,'cycle_len':2,'n_iter':2}",
          "{'type':'keras.ExponentialDecay','initial_learning_rate':0.1,'decay_steps':5,'decay_rate':0.9,'staircase':true}",
          "{'type':'keras.PiecewiseConstantDecay','boundaries':[5,9],'values':[0.1,0.05,0.01]}",
          "{'type':'keras.PolynomialDecay','initial_learning_rate':0.1,'decay_steps':9,'power':2,'cycle':true}",
          "{'type':'keras.InverseTimeDecay','initial_learning_rate':0.1,'decay_steps':5,'decay_rate':0.5}",
          "{'type':'keras.CosineDecay','initial_learning_rate':0.01,'decay_steps':20,'alpha':0.1,'warmup_target':0.1,'warmup_steps':5}",
          "{'type':'keras.CosineDecayRestarts','initial_learning_rate':0.1,'first_decay_steps':7,'t_mul':1.5,'m_mul':0.9,'alpha':0.1}",
          "{'type':'optax.constant_schedule','value':0.1}",
          "{'type':'optax.polynomial_schedule','init_value':0.1,'end_value':0.01,'power':2,'transition_steps':20,'transition_begin':3}",
          "{'type':'optax.linear_schedule','init_value':0.1,'end_value':0.01,'transition_steps':20}",
          "{'type':'optax.piecewise_constant_schedule','init_value':0.1,'boundaries_and_scales':{'5':0.5,'11':0.1}}",
          "{'type':'optax.exponential_decay','init_value':0.1,'transition_steps':5,'decay_rate':0.9,'transition_begin':3,'staircase':true,'end_value':0.02}",
          "{'type':'optax.cosine_decay_schedule','init_value':0.1,'decay_steps':20,'alpha':0.1,'exponent':2}",
          "{'type':'optax.piecewise_interpolate_schedule','interpolate_type':'cosine','init_value':0.1,'boundaries_and_scales':{'5':2,'11':0.1}}",
          "{'type':'optax.linear_onecycle_schedule','transition_steps':30,'peak_value':0.1,'pct_final':0.8}",
          "{'type':'optax.cosine_onecycle_schedule','transition_steps':30,'peak_value':0.1}",
          "{'type':'optax.warmup_constant_schedule','init_value':0.01,'peak_value':0.1,'warmup_steps':5}",
          "{'type':'optax.warmup_cosine_decay_schedule','init_value':0.01,'peak_value':0.1,'warmup_steps':5,'decay_steps':30,'end_value':0.001,'exponent':1.5}",
          "{'type':'optax.warmup_exponential_decay_schedule','init_value':0.01,'peak_value':0.1,'warmup_steps':5,'transition_steps':10,'decay_rate':0.5}",
          "{'type':'optax.sgdr_schedule','cosine_kwargs':[{'init_value':0.01,'peak_value':0.1,'warmup_steps':2,'decay_steps':9},{'init_value':0.01,'peak_value':0.05,'warmup_steps':2,'decay_steps':12}]}",
          "{'type':'optax.join_schedules','schedules':[{'type':'optax.linear_schedule','init_value':0.0,'end_value':0.1,'transition_steps':5},{'type':'optax.constant_schedule','value':0.1}],'boundaries':[5]}",
          "{'type':'composer.StepScheduler','step_size':'2ep','gamma':0.5,'max_duration':'6ep','dataloader_len':5}",
          "{'type':'composer.MultiStepScheduler','milestones':['7ba','0.5dur'],'max_duration':'6ep','dataloader_len':5}",
          "{'type':'composer.ConstantScheduler','alpha':0.5,'t_max':'0.5dur','max_duration':'30ba'}",
          "{'type':'composer.LinearScheduler','alpha_i':0.5,'alpha_f':0.1,'max_duration':'240sp','samples_per_batch':8}",
          "{'type':'composer.ExponentialScheduler','gamma':0.9,'max_duration':'6ep','dataloader_len':5}",
          "{'type':'composer.CosineAnnealingScheduler','alpha_f':0.1,'max_duration':'3000tok','tokens_per_batch':100}",
          "{'type':'composer.CosineAnnealingWarmRestartsScheduler','t_0':'4ba','t_mult':1.5,'alpha_f':0.1,'max_duration':'30ba'}",
          "{'type':'composer.PolynomialScheduler','power':2,'alpha_f':0.1,'max_duration':'30ba','scale_schedule_ratio':0.5}",
          "{'type':'composer.MultiStepWithWarmupScheduler','t_warmup':'5ba','milestones':['7ba','20ba'],'max_duration':'30ba'}",
          "{'type':'composer.ConstantWithWarmupScheduler','t_warmup':'5ba','alpha':0.5,'max_duration':'30ba'}",
          "{'type':'composer.LinearWithWarmupScheduler','t_warmup':'5ba','alpha_i':0.5,'alpha_f':0.1,'max_duration':'30ba'}",
          "{'type':'composer.CosineAnnealingWithWarmupScheduler','t_warmup':'5ba','alpha_f':0.1,'max_duration':'30ba','scale_schedule_ratio':2,'scale_warmup':true,'trainer_order':true}",
          "{'type':'composer.PolynomialWithWarmupScheduler','t_warmup':'0.2dur','power':3,'max_duration':'6ep','dataloader_len':5}",
          "{'type':'pytorch_optimizer.REXScheduler','total_steps':30,'max_lr':0.1,'min_lr':0.001}",
          "{'type':'pytorch_optimizer.get_wsd_schedule','num_warmup_steps':5,'num_stable_steps':9,'num_decay_steps':11,'min_lr_ratio':0.1,'cooldown_type':'cosine'}",
          "{'type':'pytorch_optimizer.LinearScheduler','t_max':30,'max_lr':0.1,'min_lr':0.001,'init_lr':0.01,'warmup_steps':5}",
          "{'type':'pytorch_optimizer.CosineScheduler','t_max':30,'max_lr':0.1,'warmup_steps':5}",
          "{'type':'pytorch_optimizer.PolyScheduler','t_max':30,'max_lr':0.1,'warmup_steps':5,'poly_order':0.3}",
          "{'type':'pytorch_optimizer.ExponentialScheduler','t_max':30,'max_lr':0.1,'warmup_steps':5,'gamma':0.9}",
          "{'type':'pytorch_optimizer.get_chebyshev_schedule','num_epochs':20}",
          "{'type':'papers.noam','d_model':64,'warmup_steps':10,'factor':2}",
          "{'type':'papers.sgdr','lr':0.1,'Te':2,'multFactor':2,'batches_per_epoch':3}",
          "{'type':'papers.swa','swa':true,'swa_start':20,'swa_lr':0.05}",
          "{'type':'papers.edm2','batch_size':64,'ref_batches':5,'rampup_Mimg':0.001}");

  private static final List<String> WITH_METRIC =
      List.of(
          "{'type':'huggingface.greedy','factor':0.7,'patience':1,'warmup':1,'cooldown':2,'min_lr':0.01,'max_lr':0.3,'reset_start':2}",
          "{'type':'huggingface.greedy','mode':'max','factor':0.8,'patience':0,'threshold_mode':'rel','smooth':true,'window_size':3}",
          "{'type':'timm.PlateauLRScheduler','decay_rate':0.5,'patience_t':1,'cooldown_t':1,'warmup_t':4,'warmup_lr_init':0.01,'lr_min':0.001,'mode':'min'}",
          "{'type':'timm.PlateauLRScheduler','decay_rate':0.5,'patience_t':0,'noise_range_t':6,'noise_type':'uniform'}");

  /** Written as this library's own definitions once they are read. */
  private static final List<String> ALIASES =
      List.of(
          "{'type':'huggingface.reduce_lr_on_plateau','patience':2}",
          "{'type':'timm.create_scheduler_v2','sched':'tanh','num_epochs':9}",
          "{'type':'epfl.one_cycle','lr':0.1,'iterations':30,'warmup_steps':5}",
          "{'type':'torchvision.lr_scheduler','lr_warmup_epochs':5}",
          "{'type':'pix2pix.get_scheduler','lr_policy':'plateau'}",
          "{'type':'yolov5.lf','epochs':30}",
          "{'type':'yolov5.train','epochs':30,'batches_per_epoch':4}",
          "{'type':'papers.super_convergence'}");

  private FamilySpecimens() {}

  static List<Schedule> members() {
    return read(WRITTEN);
  }

  static List<Schedule> withMetric() {
    return read(WITH_METRIC);
  }

  static List<Schedule> aliases() {
    return read(ALIASES);
  }

  /** The types that are read but not written. */
  static List<Object> aliasTypes() {
    return ALIASES.stream().map(FamilySpecimens::map).map(map -> map.get("type")).toList();
  }

  private static List<Schedule> read(List<String> written) {
    return written.stream().map(FamilySpecimens::map).map(Schedule::fromMap).toList();
  }

  private static Map<String, Object> map(String written) {
    return Json.readMap(written.replace('\'', '"'));
  }
}
