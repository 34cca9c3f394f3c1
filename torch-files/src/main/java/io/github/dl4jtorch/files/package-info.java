/**
 * PyTorch's files in plain Java: {@code .pt} and {@code .pth} as {@code torch.save} writes them,
 * and {@code .safetensors}; read and written, with no dependency beyond the JDK.
 *
 * <pre>{@code
 * Dict checkpoint = TorchFile.read(Path.of("half.pt"));
 * long epoch = (Long) checkpoint.get("epoch");
 * TorchTensor weight = checkpoint.dict("model").tensor("fc.weight");
 * float[] values = weight.toFloatArray();
 * }</pre>
 *
 * <p>A pickle is a program, and PyTorch's files hold one. Nothing in a file is looked up, loaded or
 * run here: what is not on a short list of rebuilders is an {@link
 * io.github.dl4jtorch.files.OpaqueName} where it is only named, and a {@link
 * io.github.dl4jtorch.files.TorchFileException} where it would be called.
 */
@NullMarked
package io.github.dl4jtorch.files;

import org.jspecify.annotations.NullMarked;
