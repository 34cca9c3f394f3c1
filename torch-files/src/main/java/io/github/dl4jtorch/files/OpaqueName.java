package io.github.dl4jtorch.files;

import org.jspecify.annotations.Nullable;

/**
 * A function or class that a file names, and nothing more: it has not been looked up, whether it
 * exists is not known, and it cannot be called. It is written as the same name.
 *
 * <pre>{@code
 * Object function = TorchFile.read(Path.of("half.pt")).dict("swa_scheduler").get("anneal_func");
 * System.out.println(function); // torch.optim.swa_utils.SWALR._cosine_anneal
 * }</pre>
 */
public final class OpaqueName {

  private final String module;
  private final String name;
  private final @Nullable OpaqueObject receiver;

  OpaqueName(String module, String name) {
    this(module, name, null);
  }

  private OpaqueName(String module, String name, @Nullable OpaqueObject receiver) {
    this.module = module;
    this.name = name;
    this.receiver = receiver;
  }

  /** The name of something within a class, or of a method that is bound to an object. */
  static OpaqueName within(OpaqueName owner, String name, @Nullable OpaqueObject receiver) {
    return new OpaqueName(owner.module, owner.name + "." + name, receiver);
  }

  /**
   * Returns the module that should have it.
   *
   * @return for example {@code torch.optim.swa_utils}
   */
  public String module() {
    return module;
  }

  /**
   * Returns the name within the module.
   *
   * @return for example {@code SWALR._cosine_anneal}
   */
  public String name() {
    return name;
  }

  /** The object that a method is bound to, kept so that it can be written again. */
  @Nullable OpaqueObject receiver() {
    return receiver;
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof OpaqueName that && module.equals(that.module) && name.equals(that.name);
  }

  @Override
  public int hashCode() {
    return 31 * module.hashCode() + name.hashCode();
  }

  /** Returns module and name with a dot between them. */
  @Override
  public String toString() {
    return module + "." + name;
  }
}
